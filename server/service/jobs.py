"""In-memory store of asynchronous jobs, keyed by unguessable ids."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ocr_engine.errors import QueueFull
from server.errors import Conflict, Gone, NotFound
from server.formats.answer import Answer, CacheOutcome
from server.formats.registry import Format
from server.service.flights import Ticket

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

MAX_JOBS = 10_000
MAX_BYTES = 64 << 20
MAX_REMEMBERED = 100_000
MAX_WAIT_SECONDS = 60.0  # the longest wait for the end of a job in one call


class JobError(Protocol):
    """Why a job failed, as clients see it."""

    @property
    def code(self) -> str:
        """An error code of docs/api.md."""

    @property
    def message(self) -> str:
        """The text for people."""


@dataclass(slots=True)
class JobRecord:
    """A job as clients see it: plain data. Times are the store's clock, in seconds.

    position: its position in the backlog while it is queued, 1 being next.
    """

    job_id: str
    format: Format
    outcome: CacheOutcome
    created_at: float
    state: JobState = "queued"
    position: int = 0
    answer: Answer | None = None
    error: JobError | None = None
    finished_at: float | None = None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds from the job's creation to its end; 0 before that."""
        return 0.0 if self.finished_at is None else (self.finished_at - self.created_at) * 1000

    @property
    def size_bytes(self) -> int:
        """The size of the answer."""
        return self.answer.result.size_bytes if self.answer is not None else 0


class _Run:
    """The work of an unfinished job, and the event that is set at its end."""

    def __init__(self, ticket: Ticket, follower: asyncio.Task[None]) -> None:
        self.ticket = ticket
        self.follower = follower  # the loop itself keeps no reference to its tasks
        self.finished = asyncio.Event()


class JobStore:
    """Jobs by id; finished jobs are kept for a while, and their ids longer.

    explain: turns an error into what clients see. max_bytes: limit for the kept answers; the jobs
    that finished first are removed first. Calls take constant time for any number of jobs.
    """

    def __init__(
        self,
        keep_seconds: float,
        explain: Callable[[BaseException], JobError],
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_seconds = keep_seconds
        self._explain = explain
        self._max_bytes = max_bytes
        self._clock = clock
        self._jobs: dict[str, JobRecord] = {}
        self._runs: dict[str, _Run] = {}
        self._finished: OrderedDict[str, JobRecord] = OrderedDict()  # in the order they finished
        self._finished_bytes = 0
        self._expired: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """How many jobs are kept."""
        return len(self._jobs)

    def create(self, ticket: Ticket, chosen: Format) -> JobRecord:
        """Keep a ticket as a job; QueueFull if too many are unfinished."""
        self._expire(room=1)
        if len(self._jobs) >= MAX_JOBS:
            ticket.leave()
            raise QueueFull(f"{MAX_JOBS} jobs are unfinished, the maximum; try again later")
        job = JobRecord(secrets.token_urlsafe(16), chosen, ticket.outcome, self._clock())
        self._jobs[job.job_id] = job
        if ticket.ready is not None:
            self._finish(job, "done", answer=ticket.ready)
        else:
            follower = asyncio.ensure_future(self._follow(job, ticket))
            self._runs[job.job_id] = _Run(ticket, follower)
            self._refresh(job)
        return job

    def get(self, job_id: str) -> JobRecord:
        """The job as it is now; Gone if it has expired, NotFound if there never was one."""
        self._expire()
        job = self._jobs.get(job_id)
        if job is not None:
            self._refresh(job)
            return job
        if job_id in self._expired:
            raise Gone("the job has expired and its result was deleted; send the image again")
        raise NotFound("no job has this id")

    def cancel(self, job_id: str) -> None:
        """Cancel a job, see Ticket.leave; Conflict if it is finished."""
        job = self.get(job_id)
        run = self._runs.get(job_id)
        if run is None:
            raise Conflict(f"the job is {job.state} and cannot be cancelled")
        self._finish(job, "cancelled")
        run.ticket.leave(stop_running=True)

    async def wait(self, job: JobRecord, seconds: float) -> None:
        """Wait until the job is finished, for at most this many seconds."""
        run = self._runs.get(job.job_id)
        if run is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(run.finished.wait(), seconds)
            self._refresh(job)

    async def _follow(self, job: JobRecord, ticket: Ticket) -> None:
        """Wait for the answer in the background."""
        try:
            answer = await ticket.answer()
        except asyncio.CancelledError:
            self._finish(job, "cancelled")
        except Exception as error:
            self._finish(job, "failed", error=self._explain(error))
        else:
            self._finish(job, "done", answer=answer)

    def _refresh(self, job: JobRecord) -> None:
        """Update the state and position of an unfinished job from its ticket."""
        run = self._runs.get(job.job_id)
        if run is not None:
            job.state = "queued" if run.ticket.state == "queued" else "running"
            job.position = run.ticket.position

    def _finish(
        self,
        job: JobRecord,
        state: JobState,
        answer: Answer | None = None,
        error: JobError | None = None,
    ) -> None:
        """Record the end of a job, once: an answer after a cancellation changes nothing."""
        if job.finished_at is not None:
            return
        job.state, job.answer, job.error = state, answer, error
        job.position, job.finished_at = 0, self._clock()
        self._finished[job.job_id] = job
        self._finished_bytes += job.size_bytes
        run = self._runs.pop(job.job_id, None)
        if run is not None:
            run.finished.set()

    def _expire(self, room: int = 0) -> None:
        """Delete finished jobs that have expired, then the oldest while there are too many.

        room: how many new jobs must fit.
        """
        oldest_allowed = self._clock() - self._keep_seconds
        while self._finished:
            job = next(iter(self._finished.values()))
            too_many = len(self._jobs) + room > MAX_JOBS or self._finished_bytes > self._max_bytes
            if not too_many and (job.finished_at or 0.0) > oldest_allowed:
                return
            self._forget(job)

    def _forget(self, job: JobRecord) -> None:
        del self._jobs[job.job_id], self._finished[job.job_id]
        self._finished_bytes -= job.size_bytes
        self._expired[job.job_id] = None
        while len(self._expired) > MAX_REMEMBERED:
            self._expired.popitem(last=False)
