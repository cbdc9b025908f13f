"""Jobs in the database: they outlive the process that accepted them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

from cache.keys import Digests
from ocr_engine.errors import QueueFull
from server.blobs.store import BlobMissing, BlobStore
from server.documents.documents import Documents
from server.documents.open_document import OpenDocument
from server.errors import Gone, KeyInvalid, StillAccepting
from server.formats.answer import Answer
from server.intake.request import OcrRequest
from server.jobs.batches import DurableBatches
from server.jobs.ending import Explain
from server.jobs.idempotency import IdempotencyKeys
from server.jobs.leftovers import Leftovers
from server.jobs.new_rows import columns_of
from server.jobs.notices import Notices
from server.jobs.page_rows import PageRows
from server.jobs.record import Claim, JobPage, JobRecord, KeptPages, image_gone
from server.jobs.rows import JobRows, Within
from server.jobs.runner import TICK_SECONDS, JobRunner
from server.jobs.shared_answers import SharedAnswers
from server.jobs.stored_answer import unpacked
from server.jobs.stored_request import document_in
from server.principal import Principal
from server.service.service import OcrService

POLL_SECONDS = 5.0  # how often waiting requests read the row, in case a notice was missed


class DurableJobs:
    """See Jobs. explain: turns an error into what clients see."""

    def __init__(
        self,
        rows: JobRows,
        blobs: BlobStore,
        service: OcrService,
        explain: Explain,
        documents: Documents,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._pages = PageRows(rows)
        self._rows = rows
        self._blobs = blobs
        self._service = service
        self._keys = IdempotencyKeys(rows.database, rows.clock)
        self._notices = Notices()
        self._answers = SharedAnswers()
        self._leftovers = Leftovers(rows, blobs, self._keys, self._pages)
        self.runner = JobRunner(
            rows, blobs, service, self._notices, explain, documents, tick_seconds
        )
        self._batches = DurableBatches(rows, blobs, service, self._keys, self.runner, self._notices)

    def kept(self) -> int:
        """How many jobs were kept a few seconds ago."""
        return self._leftovers.kept

    async def run(self) -> None:
        """Work on jobs until cancelled."""
        sweeping = asyncio.ensure_future(self._leftovers.run())
        try:
            await self.runner.run()
        finally:
            sweeping.cancel()

    def batches(self) -> DurableBatches:
        """See Jobs."""
        return self._batches

    def idempotency(self) -> IdempotencyKeys:
        """See Jobs."""
        return self._keys

    async def forget_replies(self, user: str) -> bool:
        """See Jobs."""
        return await self._keys.forget_replies(user)

    async def accept(
        self, request: OcrRequest, principal: Principal, claim: Claim | None = None
    ) -> JobRecord:
        """See Jobs: when this returns, the job survives a power cut."""
        image, digests = await self._service.identify(request, principal.user)
        blob = await self._blobs.put(image)
        now = self._rows.clock()
        values = columns_of(request, principal, len(image), digests, blob, now)
        return await self._inserted(values, claim)

    async def accept_document(
        self,
        request: OcrRequest,
        document: OpenDocument,
        principal: Principal,
        claim: Claim | None = None,
    ) -> JobRecord:
        """See Jobs: when this returns, the job survives a power cut."""
        blob = await self._blobs.put_file(document.file.descriptor)
        now, digests = self._rows.clock(), document.digests
        values = columns_of(request, principal, document.size, digests, blob, now, document)
        return await self._inserted(values, claim)

    async def _inserted(self, values: Mapping[str, Any], claim: Claim | None) -> JobRecord:
        try:
            row = await self._rows.insert(values, self._keeping(claim))
        except (QueueFull, StillAccepting, KeyInvalid):  # after other errors the row may be there
            await self._blobs.delete([values["input_blob"]])
            raise
        self.runner.wake()
        return await self._rows.record(row)

    async def get(self, user: str, job_id: str) -> JobRecord:
        """See Jobs."""
        row = await self._rows.find(user, job_id)
        if row.state == "queued" and await self.runner.note_begin(job_id):
            row = await self._rows.find(user, job_id)
        return await self._rows.record(row)

    async def next_version(self, user: str, job_id: str, version: int, seconds: float) -> JobRecord:
        """See Jobs; a change by another process is noticed within a second."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._notices.watch(job_id) as changed:
            while True:
                changed.clear()
                job = await self.get(user, job_id)
                left = deadline - loop.time()
                if job.version > version or left <= 0:
                    return job
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, POLL_SECONDS)):
                        await changed.wait()

    async def answer(self, job: JobRecord, with_image: bool = False) -> Answer:
        """See Jobs."""
        row = await self._rows.find(job.user, job.job_id)
        blob_id: str = row.result_blob or ""

        async def read() -> Answer:
            data = await self._blobs.get(blob_id)
            return unpacked(data, Digests(row.md5, row.sha256))

        try:
            answer = await self._answers.get(blob_id, read)
        except BlobMissing:
            raise Gone("the result of the job was deleted; send the image again") from None
        if not with_image:
            return answer
        try:
            return dataclasses.replace(answer, image=await self._blobs.get(row.input_blob))
        except BlobMissing:
            raise image_gone(job) from None

    async def pages(self, job: JobRecord) -> KeptPages:
        """See Jobs."""
        row = await self._rows.find(job.user, job.job_id)
        stored = document_in(row.request)
        if stored is None:
            raise Gone("the result of the job was deleted; send the document again")
        return await self.runner.documents.kept(row, stored)

    async def listed(self, user: str, page: JobPage) -> list[JobRecord]:
        """See Jobs."""
        rows = await self._rows.listed(user, page)
        return [await self._rows.record(row, with_position=False) for row in rows]

    async def erase(self, user: str, job_id: str) -> None:
        """See Jobs; also deletes its image from memory, and its webhook messages."""
        pages = await self._pages.blobs([job_id])
        row = await self._rows.erase(user, job_id)
        await self._service.results.erase_everywhere(user, row.md5)
        await self._keys.forget_replies(user)
        self._answers.forget(row.result_blob or "")
        await self._blobs.delete(
            [*pages, *(blob for blob in (row.input_blob, row.result_blob) if blob)]
        )
        self._notices.tell(job_id)

    async def cancel(self, user: str, job_id: str) -> None:
        """See Jobs."""
        row = await self._rows.cancel(user, job_id)
        await self.runner.drop(job_id)
        self._notices.tell(job_id)
        await self._blobs.delete([row.input_blob, *await self._pages.forget([job_id])])

    def _keeping(self, claim: Claim | None) -> Within | None:
        """What stores the job as the answer to repeated requests; None without a claim."""
        if claim is None:
            return None
        return lambda connection, job_id: self._keys.keep_job(connection, claim, job_id)
