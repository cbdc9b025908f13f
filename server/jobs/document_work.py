"""Reads the pages of a document that is a job, and keeps each one when it is read."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Callable

from cache.keys import Digests
from ocr_engine.engine import Turn
from server.blobs.store import BlobMissing, BlobStore
from server.documents.documents import Documents
from server.documents.reading import DocumentReading, PageOutcome
from server.errors import Gone, StorageUnavailable
from server.formats.answer import Answer, CacheOutcome
from server.formats.pages import PageProblem, PageResult
from server.intake.request import OcrRequest, SourceFile
from server.jobs.page_rows import PageRows
from server.jobs.record import KeptPages, KnownJobError
from server.jobs.rows import End, JobRow
from server.jobs.stored_answer import packed, unpacked
from server.jobs.stored_request import StoredDocument
from server.service.flights import FlightState


class LeaseLost(Exception):
    """Another process has the job, or it was cancelled."""


class ReadingTicket:
    """What the runner sees of a document that is being read; as Ticket."""

    def __init__(self, reading: DocumentReading) -> None:
        self.outcome: CacheOutcome = "miss"
        self._reading = reading

    @property
    def state(self) -> FlightState:
        """Whether a page has begun."""
        return "running" if self._reading.begun else "queued"

    def leave(self, stop_running: bool = False) -> None:
        """See Ticket: the reading ends when its task is cancelled."""


class DocumentWork:
    """The documents of jobs. owner: of the leases. pause: seconds while the storage is away."""

    def __init__(
        self,
        documents: Documents,
        blobs: BlobStore,
        pages: PageRows,
        owner: str,
        pause: float,
    ) -> None:
        self._documents = documents
        self._blobs = blobs
        self._pages = pages
        self._owner = owner
        self._pause = pause

    async def read(
        self,
        row: JobRow,
        stored: StoredDocument,
        request: OcrRequest,
        turn: Turn,
        begin: Callable[[ReadingTicket], None],
        tell: Callable[[], None],
    ) -> End:
        """Read the pages that are not kept; how the job ends. LeaseLost.

        begin: is given what shows the progress. tell: is called after each page.
        """
        kept = await self._pages.all(row.id)
        descriptor = await self._open(row)
        file = SourceFile(descriptor, row.input_bytes, Digests(row.md5, row.sha256))
        document = await self._documents.open(file, stored.kind, stored.choices)
        try:
            known = {page.page for page in kept}
            left = [page for page in document.pages if page not in known]
            reading = self._documents.reading(document, request, turn, left)
            ticket = ReadingTicket(reading)
            begin(ticket)
            seconds = await self._read(row.id, reading.outcomes(), ticket, tell)
        finally:
            self._documents.forget(document)
        return await self._end(row.id, ticket.outcome if left else "miss", seconds)

    async def _read(
        self,
        job_id: str,
        outcomes: AsyncGenerator[PageOutcome, None],
        ticket: ReadingTicket,
        tell: Callable[[], None],
    ) -> float:
        """Keep each page; returns the seconds of all recognitions."""
        seconds, found = 0.0, set[CacheOutcome | None]()
        async with contextlib.aclosing(outcomes):
            async for outcome in outcomes:
                await self._keep(job_id, outcome)
                seconds += outcome.seconds
                found.add(outcome.outcome)
                ticket.outcome = "hit" if found == {"hit"} else "miss"
                tell()
        return seconds

    async def _keep(self, job_id: str, outcome: PageOutcome) -> None:
        """Keep a page; while the storage is away, try again."""
        page, blob = outcome.result, None
        while True:
            try:
                if page.result is not None and blob is None:
                    answer = Answer(page.result, Digests("", ""))
                    blob = await self._blobs.put(packed(answer))
                is_ours = await self._pages.keep(job_id, self._owner, page.page, blob, page.problem)
            except StorageUnavailable:
                await asyncio.sleep(self._pause)
                continue
            if not is_ours:
                if blob is not None:
                    await self._blobs.delete([blob])
                raise LeaseLost
            return

    async def _end(self, job_id: str, outcome: CacheOutcome, seconds: float) -> End:
        """Done if a page has a result; otherwise failed with the error of the first one."""
        pages = await self._pages.all(job_id)
        if any(page.error_code is None for page in pages):
            return End("done", outcome=outcome, seconds=seconds)
        first = pages[0]
        return End("failed", error=KnownJobError(first.error_code, first.error_message))

    async def kept(self, row: JobRow, stored: StoredDocument) -> KeptPages:
        """The result of a document that is done."""

        async def read() -> AsyncGenerator[PageResult, None]:
            for page in await self._pages.all(row.id):
                if page.error_code is not None:
                    problem = PageProblem(code=page.error_code, message=page.error_message or "")
                    yield PageResult(page.page, problem=problem)
                    continue
                try:
                    data = await self._blobs.get(page.result_blob)
                except BlobMissing:
                    raise Gone(
                        "the result of the job was deleted; send the document again"
                    ) from None
                yield PageResult(page.page, unpacked(data, Digests("", "")).result)

        return KeptPages(
            stored.kind, stored.page_count, row.md5, read, functools.partial(self._open, row)
        )

    async def _open(self, row: JobRow) -> int:
        """A descriptor of the document."""
        try:
            return await self._blobs.open(row.input_blob)
        except BlobMissing:
            raise Gone("the document of the job was deleted; send it again") from None
