"""Jobs in memory, lost at a restart; used where there is no database."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from ocr_engine.errors import QueueFull
from server.documents.open_document import OpenDocument
from server.errors import Conflict, Gone, NotFinished, NotFound, StorageUnavailable
from server.formats.answer import Answer
from server.formats.rendering import Rendering
from server.intake.request import OcrRequest
from server.jobs.batch_record import Batches
from server.jobs.record import (
    Claim,
    Idempotency,
    JobError,
    JobPage,
    JobRecord,
    JobState,
    KeptPages,
    image_gone,
)
from server.principal import Principal
from server.service.flights import Ticket
from server.service.service import OcrService

MAX_JOBS = 10_000
MAX_BYTES = 64 << 20
MAX_REMEMBERED = 100_000
POLL_SECONDS = 1.0


class _Run:
    """The work of an unfinished job, and the event that is set at its end."""

    def __init__(self, ticket: Ticket, follower: asyncio.Task[None]) -> None:
        self.ticket = ticket
        self.follower = follower  # the loop itself keeps no reference to its tasks
        self.finished = asyncio.Event()


class MemoryJobs:
    """Jobs by id; finished jobs are kept for a while, and their ids longer; see Jobs.

    explain: turns an error into what clients see. max_bytes: limit for the kept answers; the jobs
    that finished first are removed first. clock: Unix seconds. Calls take constant time for any
    number of jobs; only a list takes longer with each job of the user that it skips.
    """

    def __init__(
        self,
        service: OcrService,
        keep_seconds: float,
        explain: Callable[[BaseException], JobError],
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.problem = "there is none"  # why there is no database, and what to do
        self._service = service
        self._keep_seconds = keep_seconds
        self._explain = explain
        self._max_bytes = max_bytes
        self._clock = clock
        self._jobs: dict[str, JobRecord] = {}
        self._of_users: dict[str, dict[str, JobRecord]] = {}
        self._answers: dict[str, Answer] = {}
        self._runs: dict[str, _Run] = {}
        self._finished: OrderedDict[str, JobRecord] = OrderedDict()  # in the order they finished
        self._finished_bytes = 0
        self._expired: OrderedDict[str, str] = OrderedDict()  # from ids to users

    def kept(self) -> int:
        """How many jobs are kept."""
        return len(self._jobs)

    def batches(self) -> Batches:
        """See Jobs; StorageUnavailable."""
        raise self._unavailable("a batch")

    def idempotency(self) -> Idempotency:
        """See Jobs; StorageUnavailable."""
        raise self._unavailable("Idempotency-Key")

    async def forget_replies(self, user: str) -> bool:
        """See Jobs: none are kept in memory."""
        return False

    async def accept(
        self, request: OcrRequest, principal: Principal, claim: Claim | None = None
    ) -> JobRecord:
        """See Jobs; QueueFull if the pool has no room for the image."""
        if request.webhook_url is not None:
            raise self._unavailable("webhook_url")
        turn = principal.turn(request.priority, background=True)
        ticket = await self._service.submit(request, turn)
        return self.create(principal.user, ticket, request.rendering)

    async def accept_document(
        self,
        request: OcrRequest,
        document: OpenDocument,
        principal: Principal,
        claim: Claim | None = None,
    ) -> JobRecord:
        """See Jobs; StorageUnavailable, as all pages would be in memory."""
        raise self._unavailable("a document with block_flag=false")

    async def pages(self, job: JobRecord) -> KeptPages:
        """See Jobs: there are none."""
        raise self._unavailable("a document")

    def create(self, user: str, ticket: Ticket, rendering: Rendering) -> JobRecord:
        """Keep a ticket as a job; QueueFull if too many are unfinished."""
        self._expire(room=1)
        if len(self._jobs) >= MAX_JOBS:
            ticket.leave()
            raise QueueFull(f"{MAX_JOBS} jobs are unfinished, the maximum; try again later")
        job = JobRecord(
            secrets.token_urlsafe(16), user, rendering, self._clock(), ticket.outcome, attempts=1
        )
        self._jobs[job.job_id] = job
        self._of_users.setdefault(user, {})[job.job_id] = job
        if ticket.ready is not None:
            self._finish(job, "done", answer=ticket.ready)
        else:
            follower = asyncio.ensure_future(self._follow(job, ticket))
            self._runs[job.job_id] = _Run(ticket, follower)
            self._refresh(job)
        return job

    async def get(self, user: str, job_id: str) -> JobRecord:
        """See Jobs."""
        return self.find(user, job_id)

    def find(self, user: str, job_id: str) -> JobRecord:
        """The job as it is now; Gone if it has expired, NotFound if there never was one."""
        self._expire()
        job = self._jobs.get(job_id)
        if job is not None and job.user == user:
            self._refresh(job)
            return job
        if self._expired.get(job_id) == user:
            raise Gone("the job has expired and its result was deleted; send the image again")
        raise NotFound("no job has this id")

    async def answer(self, job: JobRecord, with_image: bool = False) -> Answer:
        """See Jobs."""
        answer = self._answers.get(job.job_id)
        if answer is None:
            raise Gone("the job has expired and its result was deleted; send the image again")
        if with_image and answer.image is None:
            raise image_gone(job)
        return answer

    async def cancel(self, user: str, job_id: str) -> None:
        """See Jobs."""
        job = self.find(user, job_id)
        run = self._runs.get(job_id)
        if run is None:
            raise Conflict(f"the job is {job.state} and cannot be cancelled")
        self._finish(job, "cancelled")
        run.ticket.leave(stop_running=True)

    async def listed(self, user: str, page: JobPage) -> list[JobRecord]:
        """See Jobs."""
        self._expire()
        mine: Iterator[JobRecord] = reversed(self._of_users.get(user, {}).values())
        if page.after is not None:
            last = self.find(user, page.after)
            mine = itertools.dropwhile(lambda job: job is not last, mine)
            next(mine)
        found: list[JobRecord] = []
        while len(found) < page.limit and (job := next(mine, None)) is not None:
            self._refresh(job)
            if page.state in (None, job.state):
                found.append(job)
        return found

    async def erase(self, user: str, job_id: str) -> None:
        """See Jobs."""
        job = self.find(user, job_id)
        if not job.finished:
            raise NotFinished(f"the job is {job.state}; cancel it first")
        answer = self._answers.get(job_id)
        if answer is not None:
            await self._service.results.erase_everywhere(user, answer.digests.md5)
        self._forget(job)
        del self._expired[job_id]

    async def next_version(self, user: str, job_id: str, version: int, seconds: float) -> JobRecord:
        """See Jobs; a recognition that begins is noticed within POLL_SECONDS."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        job = self.find(user, job_id)
        while job.version <= version and (left := deadline - loop.time()) > 0:
            run = self._runs.get(job_id)
            if run is None:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_SECONDS)):
                    await run.finished.wait()
            self._refresh(job)
        return job

    def _unavailable(self, feature: str) -> StorageUnavailable:
        """The error for what needs a database."""
        return StorageUnavailable(f"{feature} needs a database: {self.problem}")

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
            state: JobState = "queued" if run.ticket.state == "queued" else "running"
            job.version += state != job.state
            job.state, job.position = state, run.ticket.position

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
        job.state, job.error = state, error
        job.version += 1
        job.position, job.finished_at = 0, self._clock()
        job.expires_at = job.finished_at + self._keep_seconds
        job.pages_done, job.pages_failed = int(state == "done"), int(state == "failed")
        self._finished[job.job_id] = job
        if answer is not None:
            self._answers[job.job_id] = answer
            self._finished_bytes += _size(answer)
        run = self._runs.pop(job.job_id, None)
        if run is not None:
            run.finished.set()

    def _expire(self, room: int = 0) -> None:
        """Delete finished jobs that have expired, then the oldest while there are too many.

        room: how many new jobs must fit.
        """
        now = self._clock()
        while self._finished:
            job = next(iter(self._finished.values()))
            too_many = len(self._jobs) + room > MAX_JOBS or self._finished_bytes > self._max_bytes
            if not too_many and (job.expires_at or now) > now:
                return
            self._forget(job)

    def _forget(self, job: JobRecord) -> None:
        del self._jobs[job.job_id], self._finished[job.job_id]
        del self._of_users[job.user][job.job_id]
        if not self._of_users[job.user]:
            del self._of_users[job.user]
        answer = self._answers.pop(job.job_id, None)
        if answer is not None:
            self._finished_bytes -= _size(answer)
        self._expired[job.job_id] = job.user
        while len(self._expired) > MAX_REMEMBERED:
            self._expired.popitem(last=False)


def _size(answer: Answer) -> int:
    """The bytes that a kept answer needs."""
    return answer.result.size_bytes + len(answer.image or b"")
