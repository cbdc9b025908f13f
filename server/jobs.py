"""Work that nobody waits for on the line: kept in memory by an id that cannot be guessed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from ocr_engine.errors import QueueFull
from server.errors import Conflict, Gone, NotFound
from server.request_fields import Format
from server.service import Ticket

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

MAX_JOBS = 10_000
MAX_BYTES = 64 << 20
MAX_REMEMBERED = 100_000


class Job:
    """One ticket that is waited for on the client's behalf."""

    def __init__(self, ticket: Ticket, chosen: Format, clock: Callable[[], float]) -> None:
        self.job_id = secrets.token_urlsafe(16)
        self.ticket = ticket
        self.format = chosen
        self.answer = ticket.ready
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

    @property
    def size_bytes(self) -> int:
        """How long the answer is."""
        return len(self.answer.data) if self.answer is not None else 0

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
    """Jobs by id; finished ones are kept for a while, their ids a while longer.

    max_bytes bounds the answers that are kept: the oldest finished jobs go first.
    """

    def __init__(
        self,
        keep_seconds: float,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._expired: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """How many jobs are kept."""
        return len(self._jobs)

    def create(self, ticket: Ticket, chosen: Format) -> Job:
        """Keep a ticket as a job; QueueFull if too many are unfinished."""
        self._expire()
        if len(self._jobs) >= MAX_JOBS:
            ticket.leave()
            raise QueueFull(f"{MAX_JOBS} jobs are unfinished, which is the limit; try again later")
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
            raise Gone("the result of this job is no longer kept; send the picture again")
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
        """Forget finished jobs: those past their time, then the oldest while there are too many."""
        oldest_allowed = self._clock() - self._keep_seconds
        finished = [job for job in self._jobs.values() if job.finished_at is not None]
        kept_bytes = sum(job.size_bytes for job in finished)
        for job in finished:
            too_many = len(self._jobs) >= MAX_JOBS or kept_bytes > self._max_bytes
            if too_many or (job.finished_at or 0.0) <= oldest_allowed:
                self._forget(job.job_id)
                kept_bytes -= job.size_bytes

    def _forget(self, job_id: str) -> None:
        del self._jobs[job_id]
        self._expired[job_id] = None
        while len(self._expired) > MAX_REMEMBERED:
            self._expired.popitem(last=False)
