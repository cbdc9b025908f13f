"""block_flag=False: 202, then GET and DELETE /jobs/ID."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.database.location import locate
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.jobs import NOWHERE, jobs_in
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

NO_SUCH_JOB = "/jobs/AAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with (
        LiveServer(tmp_path_factory.mktemp("memory"), number=1, queue_size=2) as server,
        jobs_in(server, NOWHERE),
    ):
        yield server


@pytest.fixture
def in_memory(_in_memory: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with one worker that keeps its jobs in memory; whole again after every test."""
    _in_memory.clear()
    yield _in_memory
    _in_memory.check_whole()


@pytest.fixture(params=["narrow", "in_memory"])
def server(request: pytest.FixtureRequest) -> LiveServer:
    """A server with one worker, which keeps its jobs in a database or in memory."""
    found: LiveServer = request.getfixturevalue(request.param)
    return found


def start(server: LiveServer, text: str, **fields: str) -> Reply:
    reply = server.upload(card(text), block_flag="False", **fields)
    assert reply.status == 202, reply.body
    return reply


def url_of(reply: Reply) -> str:
    return str(reply.json["job"]["url"])


def finished(server: LiveServer, reply: Reply) -> Reply:
    return server.get(f"{url_of(reply)}?wait=20")


def wait_until_running(server: LiveServer, reply: Reply) -> None:
    wait_until(lambda: server.get(url_of(reply)).headers["X-Job-State"] == "running", "its start")


@pytest.mark.parametrize("flag", ["False", "false", "0"])
def test_a_job_is_accepted_at_once(server: LiveServer, gate: Path, flag: str) -> None:
    reply = server.upload(card(f"hold {gate}"), block_flag=flag)
    assert reply.status == 202
    job = reply.json["job"]
    assert list(reply.json) == ["status", "job", "request_id"]
    assert reply.json["status"] == "accepted"
    assert reply.json["request_id"] == reply.headers["X-Request-Id"]
    assert job["state"] in ("queued", "running")
    assert job["url"] == f"/jobs/{job['id']}"
    assert reply.headers["Location"] == job["url"]
    assert reply.headers["Operation-Location"].endswith(job["url"])
    assert int(reply.headers["Retry-After"]) >= 1
    gate.unlink()
    assert finished(server, reply).status == 200


def test_a_job_shows_its_state_its_place_and_its_result(server: LiveServer, gate: Path) -> None:
    first, second = start(server, f"hold {gate}"), start(server, "the second")
    wait_until_running(server, first)
    queued = server.get(url_of(second))
    assert (queued.json["job"]["state"], queued.json["job"]["position"]) == ("queued", 1)
    assert (queued.status, int(queued.headers["Retry-After"])) == (200, 1)
    gate.unlink()
    done = finished(server, second)
    assert (done.status, done.text, done.json["status"]) == (200, "the second", "success")
    assert done.json["job"]["state"] == "done"
    assert done.json["elapsed_ms"] > 0
    assert server.get(url_of(second)).json["data"] == done.json["data"]


def test_waiting_ends_with_the_result_or_with_the_time(server: LiveServer, gate: Path) -> None:
    reply = start(server, f"hold {gate}")
    wait_until_running(server, reply)
    assert server.get(f"{url_of(reply)}?wait=0.05").json["job"]["state"] == "running"
    timer = threading.Timer(0.1, gate.unlink)
    timer.start()
    try:
        assert finished(server, reply).text == f"hold {gate}"
    finally:
        timer.join()


@pytest.mark.parametrize("wait", ["soon", "-1", "61", "nan"])
def test_a_wait_that_is_no_number_of_seconds(server: LiveServer, wait: str) -> None:
    reply = server.get(f"{url_of(start(server, 'short'))}?wait={wait}")
    assert (reply.status, reply.code) == (400, "bad_field")
    assert "wait" in reply.json["error"]["message"]
    assert "from 0 to 60" in reply.json["error"]["message"]


@pytest.mark.parametrize("query", ["wait=%ff", "format=%ff"])
def test_a_parameter_that_is_no_text(server: LiveServer, query: str) -> None:
    reply = server.get(f"{url_of(start(server, 'short'))}?{query}")
    assert (reply.status, reply.code) == (400, "bad_field")


def test_a_job_keeps_its_format(server: LiveServer) -> None:
    reply = start(server, "in words", format="text")
    assert finished(server, reply).body == b"in words\n"
    legacy = server.get(f"{url_of(reply)}?format=legacy")
    assert legacy.json[0][1][0] == "in words"


def test_a_job_that_fails_tells_why(server: LiveServer) -> None:
    reply = finished(server, start(server, "swell"))
    job = reply.json["job"]
    assert (reply.status, job["state"]) == (200, "failed")
    assert job["error"]["code"] == "image_too_complex"
    assert "memory" in job["error"]["message"]


def test_a_queued_job_is_cancelled(server: LiveServer, gate: Path) -> None:
    first, second = start(server, f"hold {gate}"), start(server, "never read")
    wait_until_running(server, first)
    wait_until(lambda: server.queued() == 1, "the second one in the queue")
    cancelled = server.request("DELETE", url_of(second))
    assert (cancelled.status, cancelled.body) == (204, b"")
    assert server.queued() == 0
    assert server.get(url_of(second)).json["job"]["state"] == "cancelled"
    again = server.request("DELETE", url_of(second))
    assert (again.status, again.code) == (409, "conflict")
    gate.unlink()
    finished(server, first)
    assert server.begun("never read") == 0


def test_a_running_job_is_cancelled_at_once_and_its_work_is_finished_and_kept(
    server: LiveServer, gate: Path
) -> None:
    reply = start(server, f"hold {gate}")
    wait_until(lambda: server.begun(f"hold {gate}") == 1, "the start of the job")
    assert server.request("DELETE", url_of(reply)).status == 204
    assert server.get(url_of(reply)).json["job"]["state"] == "cancelled"
    assert server.running() == 1
    gate.unlink()
    wait_until(lambda: server.running() == 0, "the end of the work")
    kept = server.upload(card(f"hold {gate}"))
    assert (kept.text, kept.json["cache"]) == (f"hold {gate}", "hit")


def test_a_running_job_that_takes_longer_than_a_start_is_stopped(server: LiveServer) -> None:
    reply = start(server, "spin")
    wait_until(lambda: server.begun("spin") == 1, "the start of the job")
    (worker,) = server.call(server.pool.supervisor.workers)
    began, start_seconds = time.monotonic(), worker.life.start_seconds or 0.0
    wait_until(lambda: time.monotonic() - began > start_seconds, "longer than a start")
    assert server.request("DELETE", url_of(reply)).status == 204
    assert server.running() == 0
    assert server.upload(card("after it")).text == "after it"


def test_a_running_job_that_others_wait_for_goes_on(server: LiveServer, gate: Path) -> None:
    reply = start(server, f"hold {gate}")
    wait_until(lambda: server.begun(f"hold {gate}") == 1, "the start of the job")
    with ThreadPoolExecutor(1) as other:
        joined = other.submit(server.upload, card(f"hold {gate}"))
        wait_until(lambda: server.outcomes().get("joined"), "the one that joins")
        assert server.request("DELETE", url_of(reply)).status == 204
        gate.unlink()
        assert joined.result(20).json["cache"] == "joined"
    assert server.begun(f"hold {gate}") == 1


def test_a_finished_job_is_not_cancelled(server: LiveServer) -> None:
    reply = start(server, "finished")
    finished(server, reply)
    conflict = server.request("DELETE", url_of(reply))
    assert (conflict.status, conflict.code) == (409, "conflict")
    assert "done" in conflict.json["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_that_never_was(server: LiveServer, method: str) -> None:
    reply = server.request(method, NO_SUCH_JOB)
    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize("kept_in", ["database", "memory"])
def test_a_job_that_expired(narrow: LiveServer, tmp_path: Path, kept_in: str) -> None:
    now = [1000.0]
    location = locate(None, tmp_path) if kept_in == "database" else NOWHERE
    with jobs_in(narrow, location, clock=lambda: now[0]):
        reply = start(narrow, f"expires in the {kept_in}")
        assert finished(narrow, reply).status == 200
        now[0] += 3599.9
        assert narrow.get(url_of(reply)).status == 200
        now[0] += 0.2
        for method in ("GET", "DELETE"):
            gone = narrow.request(method, url_of(reply))
            assert (gone.status, gone.code) == (410, "gone")
            assert "the job has expired" in gone.json["error"]["message"]
        assert narrow.get(NO_SUCH_JOB).status == 404


def test_a_job_joins_running_work_and_hits_the_cache(server: LiveServer, gate: Path) -> None:
    first = start(server, f"hold {gate}")
    second = start(server, f"hold {gate}")
    assert url_of(first) != url_of(second)
    wait_until(lambda: server.outcomes().get("joined"), "the one that joins")
    gate.unlink()
    assert finished(server, first).json["cache"] == "miss"
    assert finished(server, second).json["cache"] == "joined"
    assert finished(server, start(server, f"hold {gate}")).json["cache"] == "hit"
    assert server.begun(f"hold {gate}") == 1


def test_ids_cannot_be_guessed(server: LiveServer) -> None:
    ids = {start(server, "guess me").json["job"]["id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(len(job_id) >= 22 for job_id in ids)
