"""Overload, timeouts, and clients that disconnect; tests/faults has more of this."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from server.intake.file_roots import FileRoots, OpenedFile
from server.intake.request import ImageBytes
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def busy(server: LiveServer, clients: ThreadPoolExecutor, gate: Path) -> Future[Reply]:
    """Keep the one worker busy until the gate is removed."""
    holding = clients.submit(server.upload, card(f"hold {gate}"))
    wait_until(lambda: server.begun(f"hold {gate}") == 1, "the start of the long one")
    return holding


def test_a_full_queue_still_serves_hits_and_joins(
    narrow: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    narrow.upload(card("known"))
    holding = busy(narrow, clients, gate)
    waiting = [clients.submit(narrow.upload, card(f"queued {n}")) for n in range(2)]
    wait_until(lambda: narrow.queued() == 2, "a full queue")
    assert narrow.upload(card("known")).json["cache"] == "hit"
    joined = clients.submit(narrow.upload, card("queued 1"))
    wait_until(lambda: narrow.outcomes().get("joined") == 1, "the one that joins")
    gate.unlink()
    assert joined.result(20).json["cache"] == "joined"
    assert [each.result(20).status for each in (holding, *waiting)] == [200] * 3


def test_timeout_ms_while_it_runs(narrow: LiveServer, gate: Path) -> None:
    late = narrow.upload(card(f"hold {gate}"), timeout_ms="100")
    assert (late.status, late.code) == (504, "ocr_timeout")
    assert "timeout_ms of 100" in late.json["error"]["message"]
    gate.unlink()
    wait_until(lambda: narrow.running() == 0, "the end of the recognition, which continues")
    assert narrow.upload(card(f"hold {gate}")).json["cache"] == "hit"


def test_the_client_that_leaves_while_its_file_is_read_leaves_no_work_behind(
    narrow: LiveServer,
    clients: ThreadPoolExecutor,
    gate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (narrow.images / "left.png").write_bytes(card("left behind"))
    holding = busy(narrow, clients, gate)
    reading, go_on = threading.Event(), threading.Event()
    read = FileRoots.read

    def slow_disk(roots: FileRoots, opened: OpenedFile) -> ImageBytes:
        reading.set()
        assert go_on.wait(10)
        return read(roots, opened)

    monkeypatch.setattr(FileRoots, "read", slow_disk)
    with closing(socket.create_connection(("127.0.0.1", narrow.port), timeout=10)) as connection:
        body = b'{"filename": "left.png"}'
        head = f"POST /ocr_service HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        assert reading.wait(10)
    wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 1, "the client gone")
    go_on.set()
    wait_until(lambda: narrow.outcomes().get("miss") == 2, "the work submitted")
    gate.unlink()
    assert holding.result(20).status == 200
    narrow.check_whole()
    assert narrow.begun("left behind") == 0


def test_a_client_that_leaves_in_the_middle_of_its_upload(narrow: LiveServer) -> None:
    with closing(socket.create_connection(("127.0.0.1", narrow.port), timeout=10)) as connection:
        head = b"POST /ocr_service HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
        connection.sendall(head + b'Content-Type: application/json\r\n\r\n{"image": "')
        wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 1, "it began")
    wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 0, "the client gone")
