"""Accepting connections when descriptors or connections are used up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest, ResponseStartLine
from tornado.netutil import bind_sockets

from server.http.client_stream import stream_of
from server.http.connections import Connections, connection_limit, raise_descriptor_limit
from server.http.listening import Listener
from server.service.outgoing import OutgoingBytes
from tests.support.watching import until

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answer(request: HTTPServerRequest) -> None:
    """Answer 204."""
    assert request.connection is not None
    request.connection.write_headers(ResponseStartLine("", 204, "No Content"), request.headers)
    request.connection.finish()


@contextlib.asynccontextmanager
async def listening(
    connections: Connections, respond: Callable[[HTTPServerRequest], None] = answer
) -> AsyncIterator[int]:
    """A listener on a port."""
    listener = Listener(
        HTTPServer(respond), connections, OutgoingBytes(), header_seconds=30.0, patience=30.0
    )
    sockets = bind_sockets(0, "127.0.0.1")
    port = sockets[0].getsockname()[1]
    listener.add_sockets(sockets)
    try:
        yield port
    finally:
        listener.stop()
        await listener.close_all_connections()


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    """In this context, the process cannot open files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def warnings(caplog: pytest.LogCaptureFixture, words: str) -> int:
    """The number of log records with these words."""
    return sum(words in record.getMessage() for record in caplog.records)


def test_answers_are_sent_without_delay_on_every_request_of_a_connection() -> None:
    """Otherwise a line of a streamed answer would wait until the client acknowledges the last."""
    undelayed = []

    def respond(request: HTTPServerRequest) -> None:
        connection = stream_of(request).socket
        undelayed.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        answer(request)

    async def ask_twice() -> None:
        async with listening(Connections(limit=2), respond) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                writer.write(REQUEST)
                await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()

    asyncio.run(ask_twice())
    assert undelayed == [1, 1]


def test_connections_over_the_limit_wait_until_one_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def connect_three() -> None:
        connections = Connections(limit=2)
        async with listening(connections) as port:
            clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await until(lambda: connections.full(), "two accepted")
            await until(
                lambda: warnings(caplog, "new connections wait") == 1, "the line that says so"
            )
            reader, writer = clients[2]
            writer.write(REQUEST)
            clients[0][1].close()
            assert (await reader.readline()).startswith(b"HTTP/1.1 204")
            assert connections.open == 2
            for _, writer in clients:
                writer.close()
                await writer.wait_closed()
        await until(lambda: connections.open == 0, "all closed")

    with caplog.at_level(logging.WARNING):
        asyncio.run(connect_three())
    assert warnings(caplog, "new connections wait") == 1  # though it was full twice


def test_no_descriptor_for_a_connection_is_said_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def connect() -> None:
        connections = Connections(limit=100)
        async with listening(connections) as port:
            client = socket.socket()
            client.setblocking(False)
            with contextlib.closing(client):
                with no_more_descriptors():
                    client.connect_ex(("127.0.0.1", port))
                    await until(lambda: warnings(caplog, "Too many open files") == 1, "the line")
                    assert connections.open == 0
                await until(lambda: connections.open == 1, "the connection accepted")

    with caplog.at_level(logging.WARNING):
        asyncio.run(connect())
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is None


def test_descriptors_are_left_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def limited_to(soft: int) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, soft))

    limited_to(1024)
    assert connection_limit(workers=4) == 1024 - 64 - 32
    limited_to(20)
    assert connection_limit(workers=4) == 8
    limited_to(resource.RLIM_INFINITY)
    assert connection_limit(workers=4) == 65_536 - 64 - 32


@pytest.mark.parametrize(
    ("hard", "expected"), [(4096, 4096), (1 << 20, 65_536), (resource.RLIM_INFINITY, 65_536)]
)
def test_the_limit_on_open_files_is_raised(
    hard: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: given.append(limits))
    raise_descriptor_limit()
    assert given == [(expected, hard)]
