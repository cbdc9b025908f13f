"""A RabbitMQ server of the tests' own, on free ports of this machine.

Import the fixtures that a test file uses.
"""

from __future__ import annotations

import base64
import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self

import pytest

from rabbitmq_files import RabbitMQFiles, RabbitMQPorts, write_rabbitmq_files
from tests.support.data_server import DataServer
from tests.support.program import free_port


class RabbitMQ(DataServer):
    """A server process with its own data folder, and the port mapper of Erlang that it needs.

    It takes seconds to start, so one of them serves all tests of a process: each test has a virtual
    host, which is as empty as a server of its own.
    """

    name = "RabbitMQ"

    def __init__(self) -> None:
        super().__init__()
        self._mapping: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._ports = RabbitMQPorts(*(free_port() for _ in fields(RabbitMQPorts)))
        self._files: RabbitMQFiles | None = None

    def __enter__(self) -> Self:
        self._files = files = write_rabbitmq_files(self._folder, "tests", self._ports)
        self._mapping = subprocess.Popen(
            files.mapper, env=files.environment, stdin=subprocess.DEVNULL
        )
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._mapping is not None:
            self._mapping.kill()
            self._mapping.wait()

    def start(self) -> None:
        """See DataServer."""
        assert self._files is not None
        self.launch(self._files.command, self._files.environment)

    def answers(self) -> bool:
        """See DataServer."""
        try:
            return self._manage("GET", "/api/health/checks/virtual-hosts") == 200
        except (OSError, HTTPException):
            return False

    def create_vhost(self) -> str:
        """Create a virtual host; its URL."""
        name = f"test{next(self._numbers)}"
        assert self._manage("PUT", f"/api/vhosts/{name}") == 201
        return f"amqp://guest:guest@127.0.0.1:{self._ports.amqp}/{name}"

    def delete_vhost(self, url: str) -> None:
        """Delete it with all its queues, and close its connections."""
        assert self._manage("DELETE", f"/api/vhosts/{url.rpartition('/')[2]}") == 204

    def _manage(self, method: str, path: str) -> int:
        """The status of a request to RabbitMQ's management plug-in."""
        connection = HTTPConnection("127.0.0.1", self._ports.management, timeout=10)
        try:
            user = base64.b64encode(b"guest:guest").decode()
            connection.request(method, path, headers={"Authorization": f"Basic {user}"})
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture(scope="session")
def rabbitmq_of_all() -> Iterator[RabbitMQ]:
    """The server, started by the first test that needs it."""
    with RabbitMQ() as server:
        yield server


@pytest.fixture
def rabbitmq(rabbitmq_of_all: RabbitMQ) -> Iterator[RabbitMQ]:
    """The server; whole again after a test that kills or freezes it."""
    yield rabbitmq_of_all
    rabbitmq_of_all.make_whole()


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The URL of an empty virtual host of the server, for one test."""
    url = rabbitmq.create_vhost()
    yield url
    rabbitmq.make_whole()
    rabbitmq.delete_vhost(url)
