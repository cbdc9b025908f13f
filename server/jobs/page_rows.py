"""The pages of documents in the database: each is kept as soon as it is read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, case, delete, select, update

from server.database.tables import JOB, JOB_PAGE
from server.formats.pages import PageProblem
from server.jobs.rows import UNFINISHED, JobRows


class PageRows:
    """The rows of pages. A page that is kept is never read again for its job."""

    def __init__(self, rows: JobRows) -> None:
        self._database = rows.database
        self._clock = rows.clock

    async def keep(
        self, job_id: str, owner: str, page: int, blob: str | None, problem: PageProblem | None
    ) -> bool:
        """Add a page and count it; False if the job is no longer this owner's.

        A job that has a page is running, even if nobody has noted its start. blob: the blob with
        the page's result, or None if the page has a problem.
        """
        counted = JOB.c.pages_done if problem is None else JOB.c.pages_failed
        change = (
            update(JOB)
            .where(JOB.c.id == job_id, JOB.c.lease_owner == owner, JOB.c.state.in_(UNFINISHED))
            .values(
                {
                    counted.name: counted + 1,
                    "state": "running",
                    "started_at": case(
                        (JOB.c.state == "queued", self._clock()), else_=JOB.c.started_at
                    ),
                    "version": JOB.c.version + 1,
                }
            )
        )
        values = {
            "job_id": job_id,
            "page": page,
            "result_blob": blob,
            "error_code": problem["code"] if problem is not None else None,
            "error_message": problem["message"] if problem is not None else None,
        }
        async with self._database.write() as connection:
            if not (await connection.execute(change)).rowcount:
                return False
            await connection.execute(JOB_PAGE.insert().values(values))
        return True

    async def all(self, job_id: str) -> Sequence[Row[Any]]:
        """The pages of a job, in order."""
        query = select(JOB_PAGE).where(JOB_PAGE.c.job_id == job_id).order_by(JOB_PAGE.c.page)
        async with self._database.read() as connection:
            return (await connection.execute(query)).all()

    async def blobs(self, job_ids: Collection[str]) -> list[str]:
        """The blobs of the pages of these jobs."""
        query = select(JOB_PAGE.c.result_blob).where(
            JOB_PAGE.c.job_id.in_(job_ids), JOB_PAGE.c.result_blob.is_not(None)
        )
        async with self._database.read() as connection:
            return [blob for blob in (await connection.execute(query)).scalars() if blob]

    async def forget(self, job_ids: Collection[str]) -> list[str]:
        """Delete the pages of these jobs; returns the blobs to delete."""
        blobs = await self.blobs(job_ids)
        if job_ids:
            async with self._database.write() as connection:
                await connection.execute(delete(JOB_PAGE).where(JOB_PAGE.c.job_id.in_(job_ids)))
        return blobs
