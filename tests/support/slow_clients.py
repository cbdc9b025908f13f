"""Clients that send nothing, or single bytes, until the server closes their connections."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.cards import card
from tests.support.invariant import Invariant
from tests.support.server_process import ServerProcess
from tests.support.watching import descriptors, wait_until

IDLE = 500
SLOW = 5
HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0
SLACK_SECONDS = 3.0
DRIP_SECONDS = 0.5

STARTS = {
    "header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": b"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc",
    "chunked": b"POST /ocr HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n400\r\nabc",
    "multipart": b"POST /ocr_service HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n",
}


@dataclass
class SlowClient:
    """A connection: when it was made, its answer, and the seconds until it was closed."""

    kind: str
    connection: socket.socket
    since: float
    answer: bytes = field(default=b"")
    closed_after: float | None = None

    def drip(self) -> None:
        """Send one more byte, unless it is an idle connection."""
        if self.kind != "idle" and self.closed_after is None:
            with contextlib.suppress(OSError):
                self.connection.send(b"x")

    def read(self) -> None:
        """Read what has arrived; no bytes mean that the server has closed."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self.connection.recv(65536)
        self.answer += data
        if not data:
            self.closed_after = seconds_since(self.since)


@dataclass(frozen=True)
class Outcome:
    """All clients, and the time of the slowest /livez in seconds."""

    clients: list[SlowClient]
    slowest: float


def outcome(invariant: Invariant) -> Outcome:
    """Run the clients against a server; the invariant checks that all descriptors are closed."""
    server = invariant.server
    with _connected(server) as clients:
        held = len(clients)
        wait_until(lambda: descriptors(server.pid) > held, "all connections accepted")
        slowest = watch(server, clients)
    invariant.check()
    return Outcome(clients, slowest)


@contextlib.contextmanager
def _connected(server: ServerProcess) -> Iterator[list[SlowClient]]:
    kinds = ["idle"] * IDLE + [kind for kind in STARTS for _ in range(SLOW)]
    with contextlib.ExitStack() as connections:
        found = []
        for kind in kinds:
            since = time.monotonic()
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            connections.enter_context(contextlib.closing(connection))
            connection.sendall(STARTS.get(kind, b""))
            connection.setblocking(False)
            found.append(SlowClient(kind, connection, since))
        yield found


def watch(server: ServerProcess, clients: list[SlowClient]) -> float:
    """Send single bytes until all are closed; returns the time of the slowest /livez."""
    slowest, dripped = 0.0, 0.0
    started = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.connection, selectors.EVENT_READ, client)
        while selector.get_map() and seconds_since(started) < BODY_SECONDS + SLACK_SECONDS:
            if seconds_since(started) - dripped > DRIP_SECONDS:
                dripped = seconds_since(started)
                for client in clients:
                    client.drip()
                assert server.upload(card(f"between {dripped}")).status == 200
            for key, _ in selector.select(0.02):
                key.data.read()
                if key.data.closed_after is not None:
                    selector.unregister(key.fileobj)
            slowest = max(slowest, seconds_to_live(server))
    return slowest


def seconds_since(started: float) -> float:
    return time.monotonic() - started


def seconds_to_live(server: ServerProcess) -> float:
    """The response time of /livez in seconds."""
    started = time.monotonic()
    assert server.get("/livez").status == 200
    return seconds_since(started)
