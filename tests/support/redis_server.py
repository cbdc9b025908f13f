"""A Redis server of the tests' own, on a free port of this machine.

Import the fixtures that a test file uses.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from server_programs import environment, find_program
from tests.support.data_server import DataServer
from tests.support.program import free_port


class Redis(DataServer):
    """A server process with its own data folder, without a password.

    options: more options of redis-server. durable: what was written outlives kill() and stop();
    otherwise Redis is empty after them, as one that is used as a cache.
    """

    name = "Redis"

    def __init__(self, *options: str, durable: bool = False) -> None:
        super().__init__()
        self._program = find_program("redis-server")
        self._options = (*options, *(("--appendfsync", "always") if durable else ()))
        self._durable = durable
        self.port = free_port()

    def start(self) -> None:
        """See DataServer."""
        command = [
            *(str(self._program), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self._folder), "--save", ""),
            *("--appendonly", "yes" if self._durable else "no"),
            *self._options,
        ]
        self.launch(command, environment())

    def answers(self) -> bool:
        """See DataServer; it does not while it loads its data."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1.0) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith(b"+PONG")
        return False

    def url(self, number: int = 0) -> str:
        """The URL of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{number}"


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    """An empty server for one test: it starts in a moment."""
    with Redis() as server:
        yield server
