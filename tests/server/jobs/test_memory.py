"""The job store: which jobs are kept, with a manual clock."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import pytest

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_engine.errors import QueueFull
from server.errors import Gone
from server.formats.answer import Answer
from server.formats.rendering import Rendering
from server.http.errors import public_error
from server.jobs import memory
from server.jobs.memory import MemoryJobs
from server.jobs.record import JobPage, JobRecord
from server.service.flights import Ticket

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


def store(**given: Any) -> MemoryJobs:
    """A store that needs no service, as the tests make the tickets."""
    return MemoryJobs(mock.Mock(), 60, public_error, **given)


def is_kept(jobs: MemoryJobs, job: JobRecord) -> bool:
    try:
        return jobs.find("user", job.job_id) is job
    except Gone:
        return False


def test_a_job_of_a_cached_answer_is_done_at_once() -> None:
    jobs = store(clock=Clock())
    job = jobs.create("user", cached(), Rendering())
    assert (job.state, job.finished_at, job.outcome) == ("done", 0.0, "hit")
    assert asyncio.run(jobs.answer(job)).result.size_bytes == 10


def test_jobs_are_forgotten_when_their_time_is_over() -> None:
    clock = Clock()
    jobs = store(clock=clock)
    first = jobs.create("user", cached(), Rendering())
    clock.seconds = 30
    second = jobs.create("user", cached(), Rendering())
    clock.seconds = 60.5
    assert [is_kept(jobs, job) for job in (first, second)] == [False, True]
    clock.seconds = 91
    assert not is_kept(jobs, second)
    assert jobs.kept() == 0


def test_the_oldest_jobs_go_when_their_answers_are_too_long() -> None:
    jobs = store(max_bytes=250, clock=Clock())
    kept = [jobs.create("user", cached(100), Rendering()) for _ in range(4)]
    assert [is_kept(jobs, job) for job in kept] == [False, False, True, True]


def test_the_oldest_jobs_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_JOBS", 3)
    jobs = store(clock=Clock())
    kept = [jobs.create("user", cached(), Rendering()) for _ in range(5)]
    assert jobs.kept() == 3
    assert [is_kept(jobs, job) for job in kept] == [False, False, True, True, True]


def test_unfinished_jobs_are_not_forgotten_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_JOBS", 0)
    with pytest.raises(QueueFull, match="0 jobs are unfinished"):
        store(clock=Clock()).create("user", cached(), Rendering())


def test_a_list_looks_only_at_the_jobs_that_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = store(clock=Clock())
    mine = [jobs.create("user", cached(), Rendering()).job_id for _ in range(300)]
    for _ in range(300):
        jobs.create("another", cached(), Rendering())
    looked_at = []
    monkeypatch.setattr(jobs, "_refresh", lambda job: looked_at.append(job.job_id))

    def listed(**page: Any) -> list[str]:
        looked_at.clear()
        found = asyncio.run(jobs.listed("user", JobPage(**page)))
        return [job.job_id for job in found]

    newest = mine[::-1]
    assert listed(limit=5) == newest[:5] == looked_at
    assert listed(limit=5, after=newest[4]) == newest[5:10]
    assert looked_at == [newest[4], *newest[5:10]]  # it is looked up first
    assert listed(limit=5, after=newest[-1]) == []
    assert listed(limit=5, state="failed") == []
    assert asyncio.run(jobs.listed("nobody", JobPage())) == []


def test_nothing_is_left_of_a_user_whose_jobs_expired() -> None:
    clock = Clock()
    jobs = store(clock=clock)
    jobs.create("user", cached(), Rendering())
    clock.seconds = 61
    assert asyncio.run(jobs.listed("user", JobPage())) == []
    assert jobs._of_users == {}
