"""The HTTP client of the load test with servers that answer with scripted bytes."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ocr_client.connection import (
    AnswerTimeout,
    BrokenAnswer,
    Connection,
    NoConnection,
    Response,
    request_head,
)
from tests.support.handled_server import Handler, head_of, serving

OK = b"HTTP/1.1 200 OK\r\nX-Cache: hit\r\nContent-Length: 5\r\n\r\nhello"


def exchange(handle: Handler, body: bytes = b"", seconds: float = 5.0) -> Response:
    """One exchange with a server that handles connections with `handle`."""

    async def run() -> Response:
        async with serving(handle) as address:
            connection = Connection(address)
            head = request_head("POST", "/ocr", address.host, {}, len(body))
            try:
                return await connection.exchange(head + body, seconds)
            finally:
                connection.close()

    return asyncio.run(run())


def says(*pieces: bytes) -> Handler:
    """A handler that sends these pieces and closes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return handle


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_in_pieces(size: int) -> None:
    reply = exchange(says(*(OK[at : at + size] for at in range(0, len(OK), size))))
    assert (reply.status, reply.body, reply.header(b"x-cache")) == (200, b"hello", "hit")


@pytest.mark.parametrize("size", [3, 1000])
def test_chunks(size: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\n\r\n"
    whole = head + body
    reply = exchange(says(*(whole[at : at + size] for at in range(0, len(whole), size))))
    assert reply.body == b"hello world"


def test_a_body_that_ends_with_the_connection() -> None:
    assert exchange(says(b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo")).body == b"hello"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body(status: int) -> None:
    assert exchange(says(b"HTTP/1.1 %d None\r\n\r\n" % status)).status == status


@pytest.mark.parametrize(
    "nonsense",
    [b"SSH-2.0-server\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"x" * 100_000,
     b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
)  # fmt: skip
def test_what_is_no_answer(nonsense: bytes) -> None:
    with pytest.raises(BrokenAnswer, match=r"not HTTP/1\.1"):
        exchange(says(nonsense))


def test_a_server_that_closes_without_an_answer() -> None:
    with pytest.raises(BrokenAnswer, match="the server closed the connection"):
        exchange(says())


def test_an_answer_that_is_cut_off() -> None:
    with pytest.raises(BrokenAnswer, match="the server closed the connection"):
        exchange(says(OK[:-1]))


def test_a_server_that_does_not_answer_in_time() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(AnswerTimeout, match=r"no answer within 0\.1 s"):
        exchange(handle, seconds=0.1)


def test_nobody_listens() -> None:
    async def run() -> None:
        async with serving(says()) as address:
            pass
        await Connection(address).exchange(b"", 1.0)

    with pytest.raises(NoConnection, match="no connection: "):
        asyncio.run(run())


def test_an_early_answer_to_a_long_body_is_read() -> None:
    """The server closes while the client is still sending the body, so that writing fails."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        await reader.read(1 << 20)

    reply = exchange(handle, bytes(40 << 20))
    assert (reply.status, reply.body) == (413, b"big")


def test_an_answer_is_read_also_when_writing_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    send = socket.socket.send

    def broken(self: socket.socket, data: bytes | memoryview, *flags: int) -> int:
        if isinstance(data, memoryview):  # this client's; the server's transport sends bytes
            raise BrokenPipeError(32, "Broken pipe")
        return send(self, data, *flags)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()

    monkeypatch.setattr(socket.socket, "send", broken)
    assert exchange(handle).body == b"hello"


def test_a_connection_is_kept_and_opened_again_when_the_server_has_closed_it() -> None:
    accepted = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        for _ in range(2):
            await head_of(reader)
            writer.write(OK)

    async def run() -> None:
        async with serving(handle) as address:
            connection = Connection(address)
            head = request_head("GET", "/", address.host, {}, 0)
            for _ in range(2):
                await connection.exchange(head, 5.0)
            assert len(accepted) == 1
            while connection.is_open:
                await asyncio.sleep(0.001)
            await connection.exchange(head, 5.0)
            assert len(accepted) == 2
            connection.close()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_connection_close_is_obeyed() -> None:
    async def run() -> None:
        answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        async with serving(says(answer)) as address:
            connection = Connection(address)
            await connection.exchange(request_head("GET", "/", address.host, {}, 0), 5.0)
            assert not connection.is_open

    asyncio.run(run())


def test_an_exchange_that_is_cancelled_closes_its_connection() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> None:
        async with serving(handle) as address:
            connection = Connection(address)
            asking = asyncio.ensure_future(connection.exchange(b"GET", 5.0))
            while not connection.is_open:
                await asyncio.sleep(0.001)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert not connection.is_open

    asyncio.run(run())
