"""block_flag=False: 202, then GET and DELETE /jobs/ID."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.http.errors import public_error
from server.service.jobs import JobStore
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

NO_SUCH_JOB = "/jobs/AAAAAAAAAAAAAAAAAAAAAA"


def start(server: LiveServer, text: str, **fields: str) -> Reply:
    reply = server.upload(card(text), block_flag="False", **fields)
    assert reply.status == 202, reply.body
    return reply


def url_of(reply: Reply) -> str:
    return str(reply.json["job"]["url"])


def finished(server: LiveServer, reply: Reply) -> Reply:
    return server.get(f"{url_of(reply)}?wait=20")


@pytest.mark.parametrize("flag", ["False", "false", "0"])
def test_a_job_is_accepted_at_once(narrow: LiveServer, gate: Path, flag: str) -> None:
    reply = narrow.upload(card(f"hold {gate}"), block_flag=flag)
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
    assert finished(narrow, reply).status == 200


def test_a_job_shows_its_state_its_place_and_its_result(narrow: LiveServer, gate: Path) -> None:
    first, second = start(narrow, f"hold {gate}"), start(narrow, "the second")
    running, queued = narrow.get(url_of(first)), narrow.get(url_of(second))
    assert running.json["job"]["state"] == "running"
    assert (queued.json["job"]["state"], queued.json["job"]["position"]) == ("queued", 1)
    assert (queued.status, int(queued.headers["Retry-After"])) == (200, 1)
    gate.unlink()
    done = finished(narrow, second)
    assert (done.status, done.text, done.json["status"]) == (200, "the second", "success")
    assert done.json["job"]["state"] == "done"
    assert done.json["elapsed_ms"] > 0
    assert narrow.get(url_of(second)).json["data"] == done.json["data"]


def test_waiting_ends_with_the_result_or_with_the_time(narrow: LiveServer, gate: Path) -> None:
    reply = start(narrow, f"hold {gate}")
    assert narrow.get(f"{url_of(reply)}?wait=0.05").json["job"]["state"] == "running"
    timer = threading.Timer(0.1, gate.unlink)
    timer.start()
    try:
        assert finished(narrow, reply).text == f"hold {gate}"
    finally:
        timer.join()


@pytest.mark.parametrize("wait", ["soon", "-1", "61", "nan"])
def test_a_wait_that_is_no_number_of_seconds(narrow: LiveServer, wait: str) -> None:
    reply = narrow.get(f"{url_of(start(narrow, 'short'))}?wait={wait}")
    assert (reply.status, reply.code) == (400, "bad_field")
    assert "wait" in reply.json["error"]["message"]
    assert "from 0 to 60" in reply.json["error"]["message"]


@pytest.mark.parametrize("query", ["wait=%ff", "format=%ff"])
def test_a_parameter_that_is_no_text(narrow: LiveServer, query: str) -> None:
    reply = narrow.get(f"{url_of(start(narrow, 'short'))}?{query}")
    assert (reply.status, reply.code) == (400, "bad_field")


def test_a_job_keeps_its_format(narrow: LiveServer) -> None:
    reply = start(narrow, "in words", format="text")
    assert finished(narrow, reply).body == b"in words\n"
    legacy = narrow.get(f"{url_of(reply)}?format=legacy")
    assert legacy.json[0][1][0] == "in words"


def test_a_job_that_fails_tells_why(narrow: LiveServer) -> None:
    reply = finished(narrow, start(narrow, "swell"))
    job = reply.json["job"]
    assert (reply.status, job["state"]) == (200, "failed")
    assert job["error"]["code"] == "image_too_complex"
    assert "memory" in job["error"]["message"]


def test_a_queued_job_is_cancelled(narrow: LiveServer, gate: Path) -> None:
    first, second = start(narrow, f"hold {gate}"), start(narrow, "never read")
    cancelled = narrow.request("DELETE", url_of(second))
    assert (cancelled.status, cancelled.body) == (204, b"")
    assert narrow.queued() == 0
    assert narrow.get(url_of(second)).json["job"]["state"] == "cancelled"
    again = narrow.request("DELETE", url_of(second))
    assert (again.status, again.code) == (409, "conflict")
    gate.unlink()
    finished(narrow, first)
    assert narrow.begun("never read") == 0


def test_a_running_job_is_cancelled_at_once_and_its_work_is_finished_and_kept(
    narrow: LiveServer, gate: Path
) -> None:
    reply = start(narrow, f"hold {gate}")
    wait_until(lambda: narrow.begun(f"hold {gate}") == 1, "the start of the job")
    assert narrow.request("DELETE", url_of(reply)).status == 204
    assert narrow.get(url_of(reply)).json["job"]["state"] == "cancelled"
    assert narrow.running() == 1
    gate.unlink()
    wait_until(lambda: narrow.running() == 0, "the end of the work")
    kept = narrow.upload(card(f"hold {gate}"))
    assert (kept.text, kept.json["cache"]) == (f"hold {gate}", "hit")


def test_a_running_job_that_takes_longer_than_a_start_is_stopped(narrow: LiveServer) -> None:
    reply = start(narrow, "spin")
    wait_until(lambda: narrow.begun("spin") == 1, "the start of the job")
    (worker,) = narrow.call(narrow.pool.supervisor.workers)
    began, start_seconds = time.monotonic(), worker.life.start_seconds or 0.0
    wait_until(lambda: time.monotonic() - began > start_seconds, "longer than a start")
    assert narrow.request("DELETE", url_of(reply)).status == 204
    assert narrow.running() == 0
    assert narrow.upload(card("after it")).text == "after it"


def test_a_running_job_that_others_wait_for_goes_on(narrow: LiveServer, gate: Path) -> None:
    reply = start(narrow, f"hold {gate}")
    wait_until(lambda: narrow.begun(f"hold {gate}") == 1, "the start of the job")
    with ThreadPoolExecutor(1) as other:
        joined = other.submit(narrow.upload, card(f"hold {gate}"))
        wait_until(lambda: narrow.outcomes().get("joined"), "the one that joins")
        assert narrow.request("DELETE", url_of(reply)).status == 204
        gate.unlink()
        assert joined.result(20).json["cache"] == "joined"
    assert narrow.begun(f"hold {gate}") == 1


def test_a_finished_job_is_not_cancelled(narrow: LiveServer) -> None:
    reply = start(narrow, "finished")
    finished(narrow, reply)
    conflict = narrow.request("DELETE", url_of(reply))
    assert (conflict.status, conflict.code) == (409, "conflict")
    assert "done" in conflict.json["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_that_never_was(narrow: LiveServer, method: str) -> None:
    reply = narrow.request(method, NO_SUCH_JOB)
    assert (reply.status, reply.code) == (404, "not_found")


def test_a_job_that_expired(narrow: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(narrow.context, "jobs", JobStore(60, public_error, clock=lambda: now[0]))
    reply = start(narrow, "expires")
    assert finished(narrow, reply).status == 200
    now[0] += 59.9
    assert narrow.get(url_of(reply)).status == 200
    now[0] += 0.2
    for method in ("GET", "DELETE"):
        gone = narrow.request(method, url_of(reply))
        assert (gone.status, gone.code) == (410, "gone")
        assert "the job has expired" in gone.json["error"]["message"]
    assert narrow.get(NO_SUCH_JOB).status == 404


def test_a_job_joins_running_work_and_hits_the_cache(narrow: LiveServer, gate: Path) -> None:
    first = start(narrow, f"hold {gate}")
    second = start(narrow, f"hold {gate}")
    assert url_of(first) != url_of(second)
    gate.unlink()
    assert finished(narrow, first).json["cache"] == "miss"
    assert finished(narrow, second).json["cache"] == "joined"
    assert finished(narrow, start(narrow, f"hold {gate}")).json["cache"] == "hit"
    assert narrow.begun(f"hold {gate}") == 1


def test_ids_cannot_be_guessed(narrow: LiveServer) -> None:
    ids = {start(narrow, "guess me").json["job"]["id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(len(job_id) >= 22 for job_id in ids)
