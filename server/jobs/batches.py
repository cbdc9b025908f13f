"""Batches in the database; see Batches."""

from __future__ import annotations

from server.blobs.store import BlobStore
from server.jobs.batch_record import BatchRecord, NewBatch
from server.jobs.batch_rows import BatchRows
from server.jobs.idempotency import IdempotencyKeys
from server.jobs.new_rows import columns_of
from server.jobs.notices import Notices
from server.jobs.record import Claim, JobPage, JobRecord, KnownJobError
from server.jobs.rows import JobRow, JobRows, Within
from server.jobs.runner import JobRunner
from server.principal import Principal
from server.service.service import OcrService


class DurableBatches:
    """See Batches."""

    def __init__(
        self,
        rows: JobRows,
        blobs: BlobStore,
        service: OcrService,
        keys: IdempotencyKeys,
        runner: JobRunner,
        notices: Notices,
    ) -> None:
        self.inputs = blobs
        self._jobs = rows
        self._batches = BatchRows(rows)
        self._service = service
        self._keys = keys
        self._runner = runner
        self._notices = notices

    async def accept(
        self, batch: NewBatch, principal: Principal, claim: Claim | None = None
    ) -> BatchRecord:
        """See Batches: when this returns, the batch survives a power cut."""
        now = self._jobs.clock()
        jobs = [
            columns_of(request, principal, file.size, file.digests, file.blob, now)
            | {"webhook_url": None}
            for file, request in batch.files
        ]
        failed = {
            number: KnownJobError(file.error.code, file.error.message)
            for number, (file, _) in enumerate(batch.files)
            if file.error is not None
        }
        row = await self._batches.insert(
            principal.user, batch.webhook_url, jobs, failed, self._keeping(claim)
        )
        self._runner.wake()
        (record,) = await self._batches.records([row])
        return record

    async def get(self, user: str, batch_id: str) -> BatchRecord:
        """See Batches."""
        (record,) = await self._batches.records([await self._batches.find(user, batch_id)])
        return record

    async def jobs(self, user: str, batch_id: str, page: JobPage) -> list[JobRecord]:
        """See Batches."""
        await self._batches.find(user, batch_id)
        rows = await self._batches.jobs(batch_id, page)
        return [await self._jobs.record(row, with_position=False) for row in rows]

    async def listed(self, user: str, page: JobPage) -> list[BatchRecord]:
        """See Batches."""
        return await self._batches.records(await self._batches.listed(user, page))

    async def cancel(self, user: str, batch_id: str) -> None:
        """See Batches."""
        await self._batches.find(user, batch_id)
        ended = await self._batches.cancel(batch_id)
        for row in ended:
            await self._runner.drop(row.id)
            self._notices.tell(row.id)
        await self._blobs_of(ended)

    async def erase(self, user: str, batch_id: str) -> None:
        """See Batches; also deletes its images from memory, and its webhook messages."""
        await self._batches.find(user, batch_id)
        erased = await self._batches.erase(batch_id)
        for row in erased:
            if row.md5:
                await self._service.results.erase_everywhere(user, row.md5)
            self._notices.tell(row.id)
        await self._keys.forget_replies(user)
        await self._blobs_of(erased)

    async def _blobs_of(self, rows: list[JobRow]) -> None:
        """Delete the images and results of these jobs."""
        blobs = [blob for row in rows for blob in (row.input_blob, row.result_blob) if blob]
        await self.inputs.delete(blobs)

    def _keeping(self, claim: Claim | None) -> Within | None:
        """What stores the batch as the answer to repeated requests; None without a claim."""
        if claim is None:
            return None
        return lambda connection, batch_id: self._keys.keep_batch(connection, claim, batch_id)
