"""Recognizes the images of jobs: takes rows while the pool has room, and writes how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Awaitable

from cache.keys import Digests
from ocr_engine.engine import Turn, concurrency
from ocr_engine.errors import (
    BrokerUnavailable,
    PoolDraining,
    PoolStarting,
    QueueFull,
    QueueTimeout,
    WorkerCrashed,
)
from server.blobs.store import BlobMissing, BlobStore
from server.documents.documents import Documents
from server.errors import Gone, StorageUnavailable
from server.jobs.document_work import DocumentWork, LeaseLost, ReadingTicket
from server.jobs.ending import Explain, done, failed, unneeded
from server.jobs.held import Held, needs_more
from server.jobs.leases import JobLeases
from server.jobs.notices import Notices
from server.jobs.page_rows import PageRows
from server.jobs.rows import End, JobRow, JobRows
from server.jobs.stored_answer import packed
from server.jobs.stored_request import StoredImage, document_in, restored
from server.jobs.turns import UserTurns
from server.service.service import OcrService

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
STOP_SECONDS = 5.0  # to give jobs back when the server stops
MAX_ATTEMPTS = 20  # after so many servers have died with it, a job has failed

NO_ROOM = (QueueFull, PoolStarting, PoolDraining, BrokerUnavailable, StorageUnavailable)

OVERDUE = "the deadline of the job passed before a worker was free"


class JobRunner:
    """Works on the jobs of the database until it is cancelled.

    The row decides: a job that was cancelled, or that another process has now, is dropped when this
    process tries to renew its lease. explain: turns an error into what clients see.
    """

    def __init__(
        self,
        rows: JobRows,
        blobs: BlobStore,
        service: OcrService,
        notices: Notices,
        explain: Explain,
        documents: Documents,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._rows = rows
        self._tick_seconds = tick_seconds
        self._leases = JobLeases(rows)
        self.documents = DocumentWork(
            documents, blobs, PageRows(rows), self._leases.owner, tick_seconds
        )
        self._blobs = blobs
        self._service = service
        self._notices = notices
        self._explain = explain
        self._turns = UserTurns()
        self._held: dict[str, Held] = {}
        self._wake = asyncio.Event()
        self._draining = False
        self._pause_until = 0.0
        self._away = False

    def wake(self) -> None:
        """Look for jobs to take now, because there may be one."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; then give back the jobs that are unfinished."""
        loop = asyncio.get_running_loop()
        next_tick = loop.time()
        try:
            while True:
                self._wake.clear()
                if loop.time() >= next_tick:
                    next_tick = loop.time() + self._tick_seconds
                    await self._guarded(self._tick())
                await self._guarded(self._fill())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(next_tick):  # wait_for() may lose a cancellation
                        await self._wake.wait()
        finally:
            await self._stop()

    async def drain(self) -> None:
        """Take no more jobs, and give back those that no worker has begun."""
        self._draining = True
        waiting = [held for held in self._held.values() if held.waits()]
        for held in waiting:
            await self._drop(held)
        if waiting:
            await self._guarded(self._leases.release([held.row.id for held in waiting]))

    async def drop(self, job_id: str) -> None:
        """Stop working on a job that was cancelled."""
        held = self._held.get(job_id)
        if held is not None:
            await self._drop(held)

    async def note_begin(self, job_id: str) -> bool:
        """Write that a worker has begun the job; False if none has, or the row already says so."""
        held = self._held.get(job_id)
        if held is None:
            return False
        if held.has_begun():
            await self._note_begun([held])
            return True
        if held.noting is None:
            return False
        await asyncio.shield(held.noting)  # one write for all who ask
        return True

    async def _tick(self) -> None:
        """What is to be done each second."""
        await self._note_begun([held for held in self._held.values() if held.has_begun()])
        if self._held:
            held = set(self._held)
            for job_id in held - await self._leases.renew(held):
                await self.drop(job_id)
        if await self._leases.recover(self._held):
            log.info("jobs of a process that has ended wait again")
        for job_id in await self._leases.overdue():
            late = failed(QueueTimeout(OVERDUE), self._explain)
            await self._leases.end(job_id, late, leased=False)
            self._notices.tell(job_id)
        if watched := self._notices.watched():
            self._notices.compare(await self._rows.versions(watched))

    async def _note_begun(self, begun: list[Held]) -> None:
        """Write that workers have begun these jobs; other callers wait for this write."""
        if begun:
            writing = asyncio.ensure_future(self._write_begun(begun))
            for held in begun:
                held.begin_noted, held.noting = True, writing
            await asyncio.shield(writing)

    async def _write_begun(self, begun: list[Held]) -> None:
        try:
            await self._leases.begun([held.row.id for held in begun])
        except BaseException:
            for held in begun:
                held.begin_noted = False
            raise
        finally:
            for held in begun:
                held.noting = None
        for held in begun:
            self._notices.tell(held.row.id)

    async def _fill(self) -> None:
        """Take jobs while the pool has room."""
        while self._has_room():
            weights = await self._leases.waiting_users()
            row = await self._leases.take(self._turns.next(weights)) if weights else None
            if row is None:
                return
            held = self._held[row.id] = Held(row)
            held.work = asyncio.ensure_future(self._work(held))

    def _has_room(self) -> bool:
        engine = self._service.engine
        paused = asyncio.get_running_loop().time() < self._pause_until
        ready = engine.ready() and not self._draining and not paused
        return ready and needs_more(self._held.values(), concurrency(engine))

    async def _work(self, held: Held) -> None:
        """Recognize the image of a job, and write how it ended."""
        try:
            end = await self._recognize(held)
        except LeaseLost:
            held.ended = True
        except NO_ROOM as error:
            await self._give_back(held, error)
        except QueueTimeout as error:
            if self._seconds_left(held.row) == 0:
                await self._finish(held, failed(error, self._explain))
            else:
                await self._give_back(held, error)
        except Exception as error:
            await self._finish(held, failed(error, self._explain))
        else:
            await self._finish(held, end)
        finally:
            self._held.pop(held.row.id, None)
            self._notices.tell(held.row.id)
            self.wake()

    async def _recognize(self, held: Held) -> End:
        row = held.row
        if row.attempts > MAX_ATTEMPTS:
            raise WorkerCrashed(f"{MAX_ATTEMPTS} servers ended while they had this image")
        left = self._seconds_left(row)
        if left == 0:
            raise QueueTimeout(OVERDUE)
        digests = Digests(row.md5, row.sha256)
        source = StoredImage(row.input_bytes, digests, lambda: self._image(row))
        turn = Turn(row.user, row.weight, row.priority, background=True)
        request = restored(row.request, source, left)
        document = document_in(row.request)
        if document is not None:

            def begin(ticket: ReadingTicket) -> None:
                held.ticket = ticket

            def tell() -> None:
                self._notices.tell(row.id)

            return await self.documents.read(row, document, request, turn, begin, tell)
        held.ticket = ticket = await self._service.submit(request, turn)
        ticket.when_started(self.wake)
        return done(await ticket.answer(), held)

    async def _image(self, row: JobRow) -> bytes:
        """The image of a job; Gone if it is missing, as when only the database was restored."""
        try:
            return await self._blobs.get(row.input_blob)
        except BlobMissing:
            raise Gone("the image of the job was deleted; send it again") from None

    async def _give_back(self, held: Held, error: Exception) -> None:
        """Let the job wait again, because the pool or the storage has no room for it."""
        held.ended = True
        pause = getattr(error, "retry_after", None) or self._tick_seconds
        self._pause_until = asyncio.get_running_loop().time() + pause
        await self._guarded(self._leases.release([held.row.id]))

    async def _finish(self, held: Held, end: End) -> None:
        """Write the result and the end of a job; try again while the storage is unavailable."""
        held.ended = True
        job_id = held.row.id
        blob: str | None = None
        while True:
            try:
                if end.answer is not None and blob is None:
                    blob = await self._blobs.put(packed(end.answer))
                    end = dataclasses.replace(end, result_blob=blob)
                ended = await self._leases.end(job_id, end, leased=True)
                break
            except StorageUnavailable as error:
                self._note_away(error)
                await asyncio.sleep(self._tick_seconds)
        await self._guarded(self._blobs.delete(unneeded(held.row, end, ended is not None)))

    async def _drop(self, held: Held) -> None:
        """Stop the work of a job, unless it has ended; nothing is written."""
        if held.ended or held.work is None:
            return
        if held.ticket is not None:
            held.ticket.leave(stop_running=True)
        held.work.cancel()
        await asyncio.wait([held.work])

    async def _stop(self) -> None:
        """Wait for the last jobs: the engine has closed, so they end or are given back."""
        self._draining = True
        work = [held.work for held in self._held.values() if held.work is not None]
        if work:
            _, unfinished = await asyncio.wait(work, timeout=STOP_SECONDS)
            for task in unfinished:
                task.cancel()

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Do this; if the storage is unavailable, log that once."""
        try:
            await work
        except StorageUnavailable as error:
            self._note_away(error)
        except Exception:
            log.exception("the work on jobs continues after an unexpected error")
        else:
            self._away = False

    def _note_away(self, error: StorageUnavailable) -> None:
        if not self._away:
            log.warning("jobs wait: %s", error.in_log)
        self._away = True

    def _seconds_left(self, row: JobRow) -> float | None:
        """Seconds until the deadline, 0 if it has passed; None if there is none."""
        if row.deadline_at is None:
            return None
        deadline: float = row.deadline_at
        return max(0.0, deadline - self._rows.clock())
