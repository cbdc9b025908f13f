"""The limit on bytes of images in the server, and that all requests release their bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.http_client import Reply, image_part, multipart
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

LIMIT = 1_000_000
LARGE = 700_000


@pytest.fixture
def small(narrow: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """A server with a limit of one megabyte of images."""
    monkeypatch.setattr(narrow.context.inflight, "limit", LIMIT)
    yield narrow
    wait_until(lambda: narrow.call(narrow.context.inflight.total) == 0, "no bytes left")


def half_sent(server: LiveServer, size: int = LARGE) -> socket.socket:
    """A connection that has sent a large upload except its last bytes."""
    body, headers = multipart([image_part(card("large") + bytes(size))])
    head = f"POST /ocr_service HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(f"{head}Content-Type: {headers['Content-Type']}\r\n\r\n".encode())
    connection.sendall(body[:-10])
    wait_until(lambda: server.call(server.context.inflight.total) > size, "the bytes")
    return connection


def check_refused(reply: Reply) -> None:
    assert (reply.status, reply.code) == (503, "queue_full")
    assert "1000000 are allowed" in reply.json["error"]["message"]
    assert int(reply.headers["Retry-After"]) >= 1


def test_bodies_that_are_being_received_count(small: LiveServer) -> None:
    with half_sent(small):
        check_refused(small.upload(card("too much") + bytes(LARGE)))
        assert small.upload(card("little")).status == 200
    wait_until(lambda: small.call(small.context.inflight.total) == 0, "the bytes back")
    assert small.upload(card("enough room") + bytes(LARGE)).status == 200


def test_images_that_are_read_count(small: LiveServer, gate: Path) -> None:
    path = "/ocr_service"
    body, headers = multipart([image_part(card(f"hold {gate}") + bytes(LARGE))])
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{head}Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
        wait_until(lambda: small.begun(f"hold {gate}") == 1, "the start")
        assert small.call(lambda: small.context.inflight.received) == 0
        check_refused(small.upload(card("too much") + bytes(LARGE)))
        small.images.joinpath("large.png").write_bytes(card("named") + bytes(LARGE))
        check_refused(small.post_json({"filename": "large.png"}))
        gate.unlink()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_body_of_unknown_length_is_stopped(small: LiveServer) -> None:
    with half_sent(small), socket.create_connection(("127.0.0.1", small.port), 10) as connection:
        connection.sendall(
            b"POST /ocr HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: image/png\r\n\r\n"
        )
        chunk = b"%x\r\n%b\r\n" % (50_000, bytes(50_000))
        with connection.makefile("rb") as answer:
            for _ in range(8):
                connection.sendall(chunk)
            assert answer.readline().startswith(b"HTTP/1.1 503")


def test_those_who_join_hold_no_bytes(small: LiveServer, gate: Path) -> None:
    image = card(f"hold {gate}") + bytes(LARGE // 2)
    body, headers = multipart([image_part(image)])
    head = f"POST /ocr_service HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += f"Content-Type: {headers['Content-Type']}\r\n\r\n"
    connections = []
    for number in range(20):
        connections.append(socket.create_connection(("127.0.0.1", small.port), timeout=10))
        connections[-1].sendall(head.encode() + body)
        wait_until(lambda so_far=number: sum(small.outcomes().values()) > so_far, "the request")  # type: ignore[misc]
    assert small.call(small.context.inflight.total) == len(image)
    gate.unlink()
    for connection in connections:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        connection.close()
    assert small.outcomes() == {"miss": 1, "joined": 19}
