"""One GET from hosts that are well, slow, hostile or away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from server.outbound.http_exchange import ExchangeError
from server.outbound.http_get import BadStatus, TooLong, get
from tests.support.receivers import Answer, Receiver

MOST = 1000


class Room:
    """Counts the bytes that are reserved."""

    def __init__(self) -> None:
        self.reserved = 0
        self.asked: list[int] = []

    @contextlib.contextmanager
    def __call__(self, size: int) -> Iterator[None]:
        self.asked.append(size)
        self.reserved += size
        try:
            yield
        finally:
            self.reserved -= size


def got(url: str, seconds: float = 5.0, room: Room | None = None) -> bytes:
    """The body at this URL; the host is taken as loopback, whatever its name."""
    return asyncio.run(get(urlsplit(url), ["127.0.0.1"], MOST, seconds, room or Room()))


def raw_body(answer: bytes) -> bytes:
    """The body from a server that sends these bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def run() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await get(urlsplit(f"http://x:{port}/"), ["127.0.0.1"], MOST, 5, Room())

    return asyncio.run(run())


@pytest.mark.parametrize("chunked", [0, 1, 300])
def test_a_body_up_to_the_limit_arrives_whole(chunked: int) -> None:
    body = bytes(range(250)) * 4
    room = Room()
    with Receiver(lambda _: Answer(200, body, chunked=chunked)) as host:
        assert got(host.url("/a.png?b=c"), room=room) == body
    (asked,) = host.received
    assert asked.path == "/a.png?b=c"
    assert asked.headers["accept-encoding"] == "identity"
    assert "content-length" not in asked.headers
    assert (room.asked, room.reserved) == ([MOST], 0)


@pytest.mark.parametrize("chunked", [0, 1, 300])
def test_a_larger_body_is_refused(chunked: int) -> None:
    room = Room()
    with (
        Receiver(lambda _: Answer(200, bytes(MOST + 1), chunked=chunked)) as host,
        pytest.raises(TooLong, match=str(MOST)),
    ):
        got(host.url(), room=room)
    assert room.asked == ([MOST] if chunked else [])
    assert room.reserved == 0


def test_what_the_reservation_raises_is_passed_on() -> None:
    def full(size: int) -> contextlib.AbstractContextManager[None]:
        raise RuntimeError(f"no room for {size}")

    async def run(url: str) -> bytes:
        return await get(urlsplit(url), ["127.0.0.1"], MOST, 5, full)

    with (
        Receiver(lambda _: Answer(200, b"abc")) as host,
        pytest.raises(RuntimeError, match="no room for 3"),
    ):
        asyncio.run(run(host.url()))


@pytest.mark.parametrize(("status", "is_redirect"), [(302, True), (308, True), (404, False)])
def test_another_status_is_no_body(status: int, is_redirect: bool) -> None:
    with (
        Receiver(lambda _: Answer(status, b"abc", (("Location", "http://127.0.0.1/"),))) as host,
        pytest.raises(BadStatus, match=str(status)) as refused,
    ):
        got(host.url())
    assert refused.value.is_redirect is is_redirect
    assert host.connections == 1


def test_a_host_that_does_not_answer_in_time() -> None:
    with Receiver(hold=True) as host, pytest.raises(ExchangeError, match=r"within 0\.2 s"):
        got(host.url(), seconds=0.2)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n"
            b"0123456789\r\n0\r\n\r\n",
            b"abc0123456789",
        ),
    ],
    ids=["until the end", "more than announced", "nothing", "chunk extension"],
)
def test_bodies_of_all_forms(answer: bytes, body: bytes) -> None:
    assert raw_body(answer) == body


@pytest.mark.parametrize(
    ("answer", "mention"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "not complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n0123456789", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc", "compressed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "not complete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP"),
    ],
    ids=[
        "cut", "negative length", "odd length", "encoding", "compressed", "negative chunk",
        "cut chunk", "long chunk", "no last chunk", "ssh",
    ],
)  # fmt: skip
def test_bodies_that_are_broken(answer: bytes, mention: str) -> None:
    with pytest.raises(ExchangeError, match=mention):
        raw_body(answer)
