"""Work that nobody waits for on the line: kept in memory by an id that cannot be guessed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from server.errors import Conflict, Gone, NotFound
from server.request_fields import Format
from server.service import Answer, Ticket

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

MAX_JOBS = 10_000
MAX_REMEMBERED = 100_000


class Job:
    """One ticket that is waited for on the client's behalf."""

    def __init__(self, ticket: Ticket, chosen: Format, clock: Callable[[], float]) -> None:
        self.job_id = secrets.token_urlsafe(16)
        self.ticket = ticket
        self.format = chosen
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.cancelled = False
        self.created_at = clock()
        self.finished_at: float | None = None
        self.finished = asyncio.Event()
        self._clock = clock
        self._waiter = asyncio.ensure_future(self._wait())

    @property
    def state(self) -> JobState:
        """Where the job is."""
        if self.cancelled:
            return "cancelled"
        if self.answer is not None:
            return "done"
        if self.error is not None:
            return "failed"
        return "running" if self.ticket.state == "done" else self.ticket.state

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds from its creation to its end, or until now."""
        end = self.finished_at if self.finished_at is not None else self._clock()
        return (end - self.created_at) * 1000

    def cancel(self) -> None:
        """Give the work up; a running recognition is stopped unless others wait for it."""
        self.cancelled = True
        self.ticket.leave(stop_running=True)

    async def _wait(self) -> None:
        try:
            self.answer = await self.ticket.answer()
        except asyncio.CancelledError:
            self.cancelled = True
        except Exception as error:
            self.error = error
        finally:
            self.finished_at = self._clock()
            self.finished.set()


class JobStore:
    """Jobs by id; finished ones are kept for a while, their ids a while longer."""

    def __init__(self, keep_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._expired: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """How many jobs are kept."""
        return len(self._jobs)

    def unfinished(self) -> int:
        """How many jobs are still queued or running."""
        return sum(not job.finished.is_set() for job in self._jobs.values())

    def create(self, ticket: Ticket, chosen: Format) -> Job:
        """Keep a ticket as a job."""
        self._expire()
        job = Job(ticket, chosen, self._clock)
        self._jobs[job.job_id] = job
        return job

    def get(self, job_id: str) -> Job:
        """The job; Gone if it has expired, NotFound if there never was one."""
        self._expire()
        job = self._jobs.get(job_id)
        if job is not None:
            return job
        if job_id in self._expired:
            raise Gone(f"this job's result was kept for {self._keep_seconds:g} s and is gone")
        raise NotFound("there is no such job")

    def cancel(self, job_id: str) -> None:
        """Cancel a job; Conflict if it is finished."""
        job = self.get(job_id)
        if job.state not in ("queued", "running"):
            raise Conflict(f"the job is {job.state} and cannot be cancelled")
        job.cancel()

    async def wait(self, job: Job, seconds: float) -> None:
        """Wait until the job is finished, but not longer than that."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(job.finished.wait(), seconds)

    def _expire(self) -> None:
        oldest_allowed = self._clock() - self._keep_seconds
        for job_id, job in list(self._jobs.items()):
            if job.finished_at is not None and job.finished_at <= oldest_allowed:
                self._forget(job_id)
        while len(self._jobs) > MAX_JOBS:
            self._forget(next(iter(self._jobs)))

    def _forget(self, job_id: str) -> None:
        del self._jobs[job_id]
        self._expired[job_id] = None
        while len(self._expired) > MAX_REMEMBERED:
            self._expired.popitem(last=False)
