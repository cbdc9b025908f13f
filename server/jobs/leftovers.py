"""Deletes what jobs leave behind: expired jobs, and blobs that no job needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from sqlalchemy import delete, func, select, update

from server.blobs.store import BlobStore
from server.database.tables import BATCH, JOB, JOB_PAGE
from server.errors import StorageUnavailable
from server.formats.registry import FORMATS, needs_image
from server.jobs.idempotency import IdempotencyKeys
from server.jobs.page_rows import PageRows
from server.jobs.rows import JobRows

TOMBSTONE_SECONDS = 7 * 86_400.0  # how long the id of an expired job is known
ORPHAN_SECONDS = 3600.0  # a blob may be stored before its job, but never so long before
MOST_AT_ONCE = 500
_KEEP_IMAGES = [name for name in FORMATS if needs_image(name)]  # until their jobs expire
EXPIRE_SECONDS = 5.0
SWEEP_SECONDS = 600.0

log = logging.getLogger(__name__)


class Leftovers:
    """Deletes leftovers until it is cancelled. kept: how many jobs there were a few seconds ago."""

    def __init__(
        self, rows: JobRows, blobs: BlobStore, keys: IdempotencyKeys, pages: PageRows
    ) -> None:
        self.kept = 0
        self._rows = rows
        self._database = rows.database
        self._clock = rows.clock
        self._blobs = blobs
        self._keys = keys
        self._pages = pages

    async def run(self) -> None:
        """Delete leftovers every few seconds, whenever the storage answers."""
        loop = asyncio.get_running_loop()
        next_sweep = loop.time()
        while True:
            try:
                await self.delete_expired()
                await self._keys.delete_old()
                if loop.time() >= next_sweep:
                    await self.delete_orphans()
                    next_sweep = loop.time() + SWEEP_SECONDS
                self.kept = await self._rows.count()
            except StorageUnavailable:
                pass  # the runner logs that
            except Exception:
                log.exception("expired jobs and unused blobs are deleted later")
            await asyncio.sleep(EXPIRE_SECONDS)

    async def delete_expired(self) -> None:
        """Delete the results of expired jobs, and a week later their ids."""
        while blobs := await self._expire():
            await self._blobs.delete(blobs)

    async def delete_orphans(self) -> None:
        """Delete blobs that no job needs, such as those that a process stored before it died."""
        found = await self._blobs.older_than(ORPHAN_SECONDS)
        for start in range(0, len(found), MOST_AT_ONCE):
            await self._blobs.delete(await self._unused(found[start : start + MOST_AT_ONCE]))

    async def _expire(self) -> list[str]:
        """Forget expired jobs, and a week later their ids, too; returns the blobs to delete."""
        now = self._clock()
        expired = select(JOB.c.id).where(JOB.c.expires_at <= now, JOB.c.request != "")
        async with self._database.read() as connection:
            job_ids = list((await connection.execute(expired.limit(MOST_AT_ONCE))).scalars())
            oldest = await connection.execute(select(func.min(JOB.c.expires_at)))
            has_old = (oldest.scalar_one() or now) <= now - TOMBSTONE_SECONDS
        if not job_ids and not has_old:
            return []
        pages = await self._pages.forget(job_ids)
        async with self._database.write() as connection:
            rows = select(JOB.c.input_blob, JOB.c.result_blob).where(JOB.c.id.in_(job_ids))
            found = await connection.execute(rows)
            blobs = [*pages, *(blob for row in found for blob in row if blob)]
            wiped = {"request": "", "md5": "", "sha256": "", "result_blob": None}
            wiped |= {"error_message": "", "webhook_url": None}
            await connection.execute(update(JOB).where(JOB.c.id.in_(job_ids)).values(wiped))
            ended = update(BATCH).where(BATCH.c.expires_at <= now, BATCH.c.webhook_url.is_not(None))
            await connection.execute(ended.values(webhook_url=None))
            for table in (JOB, BATCH):
                old = table.c.expires_at <= now - TOMBSTONE_SECONDS
                await connection.execute(delete(table).where(old))
        return blobs

    async def _unused(self, blob_ids: Collection[str]) -> list[str]:
        """Those of the blobs that no row needs."""
        inputs = select(JOB.c.input_blob).where(JOB.c.input_blob.in_(blob_ids), JOB.c.request != "")
        results = select(JOB.c.result_blob).where(JOB.c.result_blob.in_(blob_ids))
        pages = select(JOB_PAGE.c.result_blob).where(JOB_PAGE.c.result_blob.in_(blob_ids))
        async with self._database.read() as connection:
            used = set((await connection.execute(inputs.union(results, pages))).scalars())
        return [blob_id for blob_id in blob_ids if blob_id not in used]
