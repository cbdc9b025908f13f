"""Too much work, too little time, clients that leave, pictures that kill."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fake_recognizers import card
from server.body import Upload
from server.file_roots import FileRoots, OpenedFile
from server_process import LiveServer, Reply, multipart, picture_part
from watching import wait_until


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def busy(server: LiveServer, clients: ThreadPoolExecutor, gate: Path) -> Future[Reply]:
    """Keep the one worker busy until the gate is removed."""
    holding = clients.submit(server.upload, card(f"hold {gate}"))
    wait_until(lambda: server.begun(f"hold {gate}") == 1, "the start of the long one")
    return holding


def sent(server: LiveServer, picture: bytes) -> socket.socket:
    """A connection over which a picture was sent; the answer is not awaited."""
    body, headers = multipart([picture_part(picture)])
    head = f"POST /ocr_service HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(f"{head}Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    return connection


def test_a_full_queue_is_told_at_once(
    narrow: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    holding = busy(narrow, clients, gate)
    waiting = [clients.submit(narrow.upload, card(f"waiting {n}")) for n in range(2)]
    wait_until(lambda: narrow.queued() == 2, "a full queue")
    started = time.monotonic()
    refused = narrow.upload(card("one too many"))
    assert time.monotonic() - started < 0.3
    assert (refused.status, refused.code) == (503, "queue_full")
    assert "2 pictures" in refused.json["error"]["message"]
    assert int(refused.headers["Retry-After"]) >= 1
    assert narrow.get("/livez").status == narrow.get("/readyz").status == 200
    gate.unlink()
    assert holding.result(20).status == 200
    assert sorted(each.result(20).text for each in waiting) == ["waiting 0", "waiting 1"]
    assert narrow.upload(card("one too many")).status == 200


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
    wait_until(lambda: narrow.running() == 0, "the end of the recognition, which goes on")
    assert narrow.upload(card(f"hold {gate}")).json["cache"] == "hit"


def test_timeout_ms_while_it_waits(
    narrow: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    holding = busy(narrow, clients, gate)
    late = narrow.upload(card("too late"), timeout_ms="100")
    assert (late.status, late.code) == (504, "queue_timeout")
    assert narrow.queued() == 0
    gate.unlink()
    assert holding.result(20).status == 200
    assert narrow.begun("too late") == 0


def test_the_client_that_leaves_takes_its_queued_work_along(
    narrow: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    holding = busy(narrow, clients, gate)
    with closing(sent(narrow, card("nobody waits"))):
        wait_until(lambda: narrow.queued() == 1, "the queued picture")
    wait_until(lambda: narrow.queued() == 0, "the queue without it")
    gate.unlink()
    assert holding.result(20).status == 200
    assert narrow.begun("nobody waits") == 0


def test_the_client_that_leaves_while_its_file_is_read_leaves_no_work_behind(
    narrow: LiveServer,
    clients: ThreadPoolExecutor,
    gate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (narrow.pictures / "left.png").write_bytes(card("left behind"))
    holding = busy(narrow, clients, gate)
    reading, go_on = threading.Event(), threading.Event()
    read = FileRoots.read

    def slow_disk(roots: FileRoots, opened: OpenedFile) -> Upload:
        reading.set()
        assert go_on.wait(10)
        return read(roots, opened)

    monkeypatch.setattr(FileRoots, "read", slow_disk)
    with closing(socket.create_connection(("127.0.0.1", narrow.port), timeout=10)) as connection:
        body = b'{"filename": "left.png"}'
        head = f"POST /ocr_service HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        assert reading.wait(10)
    wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 1, "the client gone")
    go_on.set()
    wait_until(lambda: narrow.outcomes().get("miss") == 2, "the work submitted")
    gate.unlink()
    assert holding.result(20).status == 200
    narrow.check_whole()
    assert narrow.begun("left behind") == 0


def test_queued_work_stays_for_those_who_joined(
    narrow: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    holding = busy(narrow, clients, gate)
    with closing(sent(narrow, card("two wait"))):
        wait_until(lambda: narrow.queued() == 1, "the queued picture")
        joined = clients.submit(narrow.upload, card("two wait"))
        wait_until(lambda: narrow.outcomes().get("joined") == 1, "the one that joins")
    wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 2, "the client gone")
    gate.unlink()
    assert joined.result(20).text == "two wait"
    assert holding.result(20).status == 200
    assert narrow.begun("two wait") == 1


def test_running_work_of_a_client_that_left_is_finished_and_kept(
    narrow: LiveServer, gate: Path
) -> None:
    with closing(sent(narrow, card(f"hold {gate}"))):
        wait_until(lambda: narrow.begun(f"hold {gate}") == 1, "the start")
    wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 0, "the client gone")
    gate.unlink()
    wait_until(lambda: narrow.call(narrow.context.service.in_flight) == 0, "the end")
    assert narrow.upload(card(f"hold {gate}")).json["cache"] == "hit"


def test_a_client_that_leaves_in_the_middle_of_its_upload(narrow: LiveServer) -> None:
    with closing(socket.create_connection(("127.0.0.1", narrow.port), timeout=10)) as connection:
        head = b"POST /ocr_service HTTP/1.1\r\nHost: here\r\nContent-Length: 500\r\n"
        connection.sendall(head + b'Content-Type: application/json\r\n\r\n{"image": "')
        wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 1, "it began")
    wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 0, "the client gone")


def test_a_killed_worker_is_not_noticed(
    narrow: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    holding = busy(narrow, clients, gate)
    (worker,) = narrow.call(narrow.context.service.pool.supervisor.workers)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: narrow.begun(f"hold {gate}") == 2, "the second try")
    gate.unlink()
    assert holding.result(20).text == f"hold {gate}"


def test_a_picture_that_kills_is_poison_from_then_on(wide: LiveServer) -> None:
    killed = wide.upload(card("vanish"))
    assert (killed.status, killed.code) == (503, "worker_crashed")
    assert int(killed.headers["Retry-After"]) >= 1
    assert wide.begun("vanish") == 2
    for headers in ({}, {"Cache-Control": "no-cache"}):
        refused = wide.upload(card("vanish"), headers)
        assert (refused.status, refused.code) == (422, "poison_input")
        assert "refused" in refused.json["error"]["message"]
    assert wide.begun("vanish") == 2
    assert wide.upload(card("harmless")).status == 200


def test_a_hanging_picture_is_given_up_at_the_deadline(wide: LiveServer) -> None:
    late = wide.upload(card("freeze"))
    assert (late.status, late.code) == (504, "ocr_timeout")
    assert "2 s" in late.json["error"]["message"]
    assert wide.begun("freeze") == 1
