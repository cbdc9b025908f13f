"""Bodies that are too large and requests that are no requests, over raw sockets."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import server.app
from fake_recognizers import card
from server_process import LiveServer, ServerProcess, multipart, picture_part
from watching import wait_until

LIMIT = 10 << 20
BLOCK = b"x" * (64 << 10)
MEMORY_MB = 30
MULTIPART = "Content-Type: multipart/form-data; boundary=b"
PART_HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {"ocr": {"process": {"number": 1}}}
    with ServerProcess(tmp_path_factory.mktemp("limits"), settings, fakes=True) as server:
        yield server


def connect(port: int) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", port), timeout=10))


def received(connection: socket.socket) -> bytes:
    """Everything until the server closes; what came before a reset counts."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    return data


def send_blocks(connection: socket.socket, size: int, chunked: bool) -> int:
    """Send a body in blocks until it is all sent or the server has had enough; bytes sent."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < size:
            framed = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK
            connection.sendall(framed)
            sent += len(BLOCK)
    return sent


def peak_mb(pid: int) -> int:
    """The highest resident memory of a process since forget_peak()."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def assert_too_large(answer: bytes) -> None:
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert str(LIMIT).encode() in answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize("content_type", [MULTIPART, "Content-Type: application/json"])
def test_a_length_over_the_limit_is_refused_before_the_body(
    process: ServerProcess, content_type: str
) -> None:
    with connect(process.port) as connection:
        head = f"POST /ocr_service HTTP/1.1\r\nHost: x\r\nContent-Length: {11 << 20}\r\n"
        connection.sendall(f"{head}{content_type}\r\n\r\n".encode())
        assert_too_large(received(connection))


@pytest.mark.parametrize("kind", ["multipart", "json", "raw"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "without-length"])
def test_11_mb_are_answered_to_a_client_that_sends_all_before_it_reads(
    process: ServerProcess, kind: str, chunked: bool
) -> None:
    """The answer must not be lost in a reset."""
    path, content_type = {
        "multipart": ("/ocr_service", MULTIPART),
        "json": ("/ocr_service", "Content-Type: application/json"),
        "raw": ("/ocr", "Content-Type: image/png"),
    }[kind]
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {11 << 20}"
    with connect(process.port) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n{content_type}\r\n\r\n"
        connection.sendall(head.encode())
        if kind == "multipart":
            start = PART_HEAD + BLOCK[len(PART_HEAD) :]
            connection.sendall(b"10000\r\n%b\r\n" % start if chunked else start)
        send_blocks(connection, 11 << 20, chunked)
        assert_too_large(received(connection))


def test_a_body_without_end_costs_no_memory(process: ServerProcess) -> None:
    forget_peak(process.pid)
    before = peak_mb(process.pid)
    for path in ("/ocr", "/ocr_service", "/nowhere", "/livez"):
        with connect(process.port) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            kind = "image/png" if path == "/ocr" else "application/json"
            connection.sendall(f"{head}Content-Type: {kind}\r\n\r\n".encode())
            send_blocks(connection, 60 << 20, chunked=True)
    assert peak_mb(process.pid) - before < MEMORY_MB
    assert process.upload(card(f"after {peak_mb(process.pid)}")).status == 200


def test_bodies_up_to_the_limit_are_taken(process: ServerProcess) -> None:
    body, headers = multipart([picture_part(card("padded").ljust(LIMIT - 200, b"\0"))])
    assert LIMIT - 200 < len(body) <= LIMIT
    reply = process.request("POST", "/ocr_service", body, headers)
    assert (reply.status, reply.text) == (200, "padded")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /livez HTTP/1.1\r\nX: " + b"x" * (10 << 20) + b"\r\n\r\n",
        b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /ocr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=[
        "10 MB header", "negative length", "length in words", "two lengths", "CL+TE",
        "broken chunk", "no Host", "nonsense", "TLS",
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_or_closed(
    process: ServerProcess, request_bytes: bytes
) -> None:
    with connect(process.port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request_bytes)
        answer = received(connection)
    assert answer == b"" or re.match(rb"HTTP/1.1 (400|431) ", answer), answer[:100]
    assert process.get("/livez").status == 200


def test_slow_clients_are_closed_and_hold_up_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server.app, "HEADER_SECONDS", 0.4)
    monkeypatch.setattr(server.app, "BODY_SECONDS", 0.4)
    with LiveServer(tmp_path, number=1, queue_size=1) as slow:
        starts = {
            "idle": b"",
            "header": b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            "body": b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        }
        for start in starts.values():
            with connect(slow.port) as connection:
                connection.sendall(start)
                assert slow.get("/livez").status == 200
                connection.settimeout(5)
                assert not received(connection).startswith(b"HTTP/1.1 200")
        wait_until(lambda: slow.call(lambda: slow.context.open_requests) == 0, "no open request")


def test_500_idle_connections_hold_up_nobody(process: ServerProcess) -> None:
    with contextlib.ExitStack() as connections:
        for _ in range(500):
            connections.enter_context(connect(process.port))
        assert process.get("/livez").status == 200
