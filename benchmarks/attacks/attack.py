"""What an attack is: against which server it runs, what is expected, and what was seen."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.http_client import Client, Reply
from tests.support.watching import rss_mb, wait_until

RAW_SECONDS = 20.0


class Target(Client):
    """A started server on this machine.

    pid: its front end. log: the file with its output; None if it is not known. image: an image
    that it can read.
    """

    def __init__(self, port: int, pid: int, log: Path | None, image: bytes) -> None:
        self.port = port
        self.pid = pid
        self.log = log
        self._image = image
        self._numbers = itertools.count(time.time_ns())

    def image(self) -> bytes:
        """The image with other bytes behind it each time, so that it is not in the cache."""
        return self._image + b" %d" % next(self._numbers)

    def memory_mb(self) -> float:
        """The resident memory of the front end in MiB."""
        return rss_mb(self.pid)

    def log_bytes(self) -> int:
        """The size of the log; 0 if it is not known."""
        return self.log.stat().st_size if self.log is not None else 0

    def messages_since(self, start: int) -> str:
        """The log without its first bytes, and without the access log."""
        lines = self.log_since(start).splitlines(keepends=True)
        return "".join(line for line in lines if " server.access: " not in line)

    def log_since(self, start: int) -> str:
        """The log without its first bytes, and without the lines of health checks."""
        if self.log is None:
            return ""
        with self.log.open("rb") as file:
            file.seek(start)
            lines = file.read().decode(errors="replace").splitlines(keepends=True)
        quiet = ("GET /livez", "GET /healthz", "GET /readyz", "GET /metrics")
        return "".join(line for line in lines if not any(word in line for word in quiet))

    def raw(self, data: bytes, seconds: float = RAW_SECONDS, half_closed: bool = False) -> bytes:
        """Send bytes and read until the server closes or says nothing more; maybe no answer."""
        answer = b""
        with self.connect(seconds) as connection, contextlib.suppress(OSError):
            connection.sendall(data)
            if half_closed:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
                connection.settimeout(1.0)
        return answer

    def connect(self, seconds: float = RAW_SECONDS) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def restarts(self) -> dict[str, int]:
        """How many workers were replaced, by reason, without recycled ones."""
        found: dict[str, int] = self.health()["restarts"]
        return {reason: n for reason, n in found.items() if not reason.startswith("recycled")}

    def wait_until_idle(self) -> None:
        """Wait until nothing is queued, running or open but this request."""
        wait_until(self._is_idle, "an idle server", 120)

    def _is_idle(self) -> bool:
        health = self.health()
        return not (health["queue"]["waiting"] or health["queue"]["running"])


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, and whether that is what was expected."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack: the number of its finding, what is expected, and how to run it.

    own_server: it starts a server of its own, and leaves the target alone. is_quick: it takes a
    few seconds and does not need real models, so that the tests can run it too.
    """

    finding: str
    name: str
    expected: str
    run: Callable[[Target], Seen]
    is_quick: bool = True
    own_server: bool = False


def outcome(reply: Reply) -> str:
    """The status of an answer with its error code."""
    return f"{reply.status}" if reply.status < 400 else f"{reply.status} {reply.code}"


def code_of(answer: bytes) -> str:
    """The status of raw bytes that a server sent, with the error code if there is one."""
    if not answer.startswith(b"HTTP/1.1 "):
        return "closed"
    status = answer[9:12].decode()
    found = answer.partition(b'"code":"')[2].partition(b'"')[0].decode()
    return f"{status} {found}".strip()


def counted(outcomes: list[str]) -> str:
    """Outcomes with their numbers."""
    return ", ".join(f"{outcomes.count(each)} x {each}" for each in dict.fromkeys(outcomes))


@contextlib.contextmanager
def held(connections: list[socket.socket]) -> Iterator[list[socket.socket]]:
    """Close all connections of the list at the end."""
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def head(path: str, headers: Mapping[str, str | int], method: str = "POST") -> bytes:
    """A request line with headers, by default for localhost and the last one of its connection."""
    given = {"Host": "localhost", "Connection": "close", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()
