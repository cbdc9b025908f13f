"""One POST to receivers that are well, slow, hostile or away."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.outbound.http_exchange import ExchangeError
from server.outbound.http_post import MAX_REPLY_BYTES, Reply, post
from tests.support.certificates import certificate_for
from tests.support.receivers import Answer, Receiver

BODY = b'{"a":1}'


def sent(url: str, seconds: float = 5, tls: ssl.SSLContext | None = None) -> Reply:
    """The reply to a POST; the host is taken as loopback, whatever its name."""
    addresses = ["::1" if "[" in url else "127.0.0.1"]
    return asyncio.run(post(urlsplit(url), addresses, {"webhook-id": "1"}, BODY, seconds, tls))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_message_arrives_as_it_was_sent(address: str) -> None:
    with Receiver(address=address) as receiver:
        assert sent(receiver.url("/a/b?c=d")) == Reply(200, b"")
    (got,) = receiver.received
    assert (got.path, got.body) == ("/a/b?c=d", BODY)
    assert got.headers["webhook-id"] == "1"
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert got.headers["host"] == receiver.url().split("/")[2]


def test_the_connection_goes_to_the_given_address_under_the_name_of_the_url() -> None:
    with Receiver() as receiver:
        assert sent(receiver.url(host="hooks.example")).status == 200
    assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_the_next_address_is_used_if_one_refuses() -> None:
    with Receiver() as receiver:
        url = urlsplit(receiver.url())
        reply = asyncio.run(post(url, ["127.0.0.2", "127.0.0.1"], {}, BODY, 5))
    assert reply.status == 200


def test_a_redirect_is_not_followed() -> None:
    with Receiver() as inner:
        moved = Answer(302, headers=(("Location", inner.url()),))
        with Receiver(lambda _: moved) as outer:
            assert sent(outer.url()).status == 302
    assert (outer.connections, inner.connections) == (1, 0)


@pytest.mark.parametrize("chunked", [0, 1000, 1 << 19])
def test_no_more_than_64_kib_of_an_answer_are_read(chunked: int) -> None:
    with Receiver(lambda _: Answer(200, bytes(1 << 20), chunked=chunked)) as receiver:
        assert sent(receiver.url()) == Reply(200, bytes(MAX_REPLY_BYTES))


def test_a_chunked_answer_is_put_together() -> None:
    with Receiver(lambda _: Answer(200, b"abcdefg", chunked=3)) as receiver:
        assert sent(receiver.url()) == Reply(200, b"abcdefg")


def test_a_receiver_that_does_not_answer_in_time() -> None:
    with Receiver(hold=True) as receiver, pytest.raises(ExchangeError, match=r"within 0\.2 s"):
        sent(receiver.url(), seconds=0.2)


def test_a_receiver_that_is_away() -> None:
    with socket.socket() as bound:  # which refuses, since it does not listen
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ExchangeError, match="Connection refused"):
            sent(f"http://127.0.0.1:{bound.getsockname()[1]}/")


@pytest.mark.parametrize(
    ("answer", "mention"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n", "not HTTP"),
        (b"", "not HTTP"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 6, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + bytes(200_000), "headers of its answer are too large"),
    ],
    ids=["ssh", "cut", "nothing", "http2", "interim", "large"],
)
def test_answers_that_are_not_http(answer: bytes, mention: str) -> None:
    with pytest.raises(ExchangeError, match=mention):
        raw_reply(answer)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.0 204\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\nshort", b"short"),
        (b"HTTP/1.1 204 x\r\nContent-Length: -9\r\n\r\n", b""),
        (b"HTTP/1.1 204 x\r\nContent-Length: x\r\n\r\nabc", b""),
        (b"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b""),
        (b"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", b""),
    ],
)
def test_a_status_counts_whatever_follows(answer: bytes, body: bytes) -> None:
    assert raw_reply(answer) == Reply(204, body)


def raw_reply(answer: bytes) -> Reply:
    """The reply to a POST from a server that sends these bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(BODY)
        writer.write(answer)
        writer.close()

    async def run() -> Reply:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await post(urlsplit(f"http://x:{port}/"), ["127.0.0.1"], {}, BODY, 5)

    return asyncio.run(run())


def test_a_certificate_must_be_valid_for_the_name_of_the_url(tmp_path: Path) -> None:
    certificate = certificate_for("hooks.example", tmp_path)
    with Receiver(tls=certificate.server) as receiver:
        assert sent(receiver.url(host="hooks.example"), tls=certificate.client).status == 200
        with pytest.raises(ExchangeError, match="mismatch"):
            sent(receiver.url(host="other.example"), tls=certificate.client)
        with pytest.raises(ExchangeError, match="certificate is not valid: self"):
            sent(receiver.url(host="hooks.example"))
    assert len(receiver.received) == 1


def test_a_receiver_that_does_not_speak_tls() -> None:
    with Receiver() as receiver, pytest.raises(ExchangeError, match="TLS failed"):
        sent(receiver.url().replace("http", "https"))


def test_a_receiver_whose_queue_of_connections_is_full() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
        socket.socket() as second,
    ):
        second.setblocking(False)
        second.connect_ex(full.getsockname())
        with pytest.raises(ExchangeError, match=r"within 0\.2 s"):
            sent(f"http://127.0.0.1:{full.getsockname()[1]}/", seconds=0.2)
