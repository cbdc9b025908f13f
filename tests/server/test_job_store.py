"""The job store: which jobs are kept, with a manual clock."""

from __future__ import annotations

import pytest

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_engine.errors import QueueFull
from server.errors import Gone
from server.formats.answer import Answer
from server.http.errors import public_error
from server.service import jobs
from server.service.flights import Ticket
from server.service.jobs import JobRecord, JobStore

DIGESTS = Digests("0" * 32, "0" * 64)


class Clock:
    """A manual clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def cached(size: int = 10) -> Ticket:
    """A ticket that already has its answer."""
    answer = Answer(StoredResult(b"x" * size), DIGESTS, age=0.0)
    return Ticket("hit", DIGESTS, ready=answer)


def is_kept(store: JobStore, job: JobRecord) -> bool:
    try:
        return store.get(job.job_id) is job
    except Gone:
        return False


def test_a_job_of_a_cached_answer_is_done_at_once() -> None:
    store = JobStore(60, public_error, clock=Clock())
    job = store.create(cached(), "json")
    assert (job.state, job.finished_at, job.outcome) == ("done", 0.0, "hit")
    assert store.get(job.job_id).answer is not None


def test_jobs_are_forgotten_when_their_time_is_over() -> None:
    clock = Clock()
    store = JobStore(60, public_error, clock=clock)
    first = store.create(cached(), "json")
    clock.seconds = 30
    second = store.create(cached(), "json")
    clock.seconds = 60.5
    assert [is_kept(store, job) for job in (first, second)] == [False, True]
    clock.seconds = 91
    assert not is_kept(store, second)
    assert len(store) == 0


def test_the_oldest_jobs_go_when_their_answers_are_too_long() -> None:
    store = JobStore(60, public_error, max_bytes=250, clock=Clock())
    kept = [store.create(cached(100), "json") for _ in range(4)]
    assert [is_kept(store, job) for job in kept] == [False, False, True, True]


def test_the_oldest_jobs_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_JOBS", 3)
    store = JobStore(60, public_error, clock=Clock())
    kept = [store.create(cached(), "json") for _ in range(5)]
    assert len(store) == 3
    assert [is_kept(store, job) for job in kept] == [False, False, True, True, True]


def test_unfinished_jobs_are_not_forgotten_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_JOBS", 0)
    with pytest.raises(QueueFull, match="0 jobs are unfinished"):
        JobStore(60, public_error, clock=Clock()).create(cached(), "json")
