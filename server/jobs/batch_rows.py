"""The rows of batches, and the jobs in them."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.tables import BATCH, DELIVERY, IDEMPOTENCY, JOB
from server.errors import Conflict, Gone, NotFinished, NotFound
from server.jobs.batch_record import BatchRecord
from server.jobs.new_rows import new_row
from server.jobs.record import JobPage, KnownJobError
from server.jobs.rows import UNFINISHED, End, JobRow, JobRows, Within
from server.users.erased import hold_users

BatchRow = Row[Any]

ORDER_SECONDS = 1e-6  # between created_at of the jobs of a batch, so that they keep its order


class BatchRows:
    """All batches of the database."""

    def __init__(self, rows: JobRows) -> None:
        self._rows = rows
        self._database = rows.database
        self._clock = rows.clock

    async def insert(
        self,
        user: str,
        webhook_url: str | None,
        jobs: Sequence[Mapping[str, Any]],
        failed: Mapping[int, KnownJobError],
        within: Within | None,
    ) -> BatchRow:
        """Add a batch with its jobs in one transaction; QueueFull if its user has too many.

        failed: the errors of jobs that have ended already, by their number.
        """
        batch_id = secrets.token_urlsafe(16)
        now = self._clock()
        batch = {
            "id": batch_id,
            "user": user,
            "files": len(jobs),
            "unfinished": len(jobs),
            "created_at": now,
            "webhook_url": webhook_url,
        }
        rows = [
            new_row(now + number * ORDER_SECONDS)
            | dict(values)
            | {"batch_id": batch_id, "number": number}
            for number, values in enumerate(jobs)
        ]
        sizes = [row["input_bytes"] for row in rows if row["number"] not in failed]
        async with self._database.write() as connection:
            await self._rows.check_room(connection, user, len(sizes), sum(sizes))
            await connection.execute(insert(BATCH).values(batch))
            await connection.execute(insert(JOB), rows)
            for number, error in failed.items():
                which = JOB.c.id == rows[number]["id"]
                await self._rows.end(connection, which, End("failed", error=error))
            if within is not None:
                await within(connection, batch_id)
        return await self.find(user, batch_id)

    async def find(self, user: str, batch_id: str) -> BatchRow:
        """A batch; NotFound, or Gone if it has expired."""
        async with self._database.read() as connection:
            query = select(BATCH).where(BATCH.c.id == batch_id, BATCH.c.user == user)
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("no batch has this id")
        if row.expires_at is not None and row.expires_at <= self._clock():
            raise Gone("the batch has expired and its results were deleted; send the images again")
        return row

    async def listed(self, user: str, page: JobPage) -> list[BatchRow]:
        """Batches of the user, the newest first."""
        query = (
            select(BATCH)
            .where(
                BATCH.c.user == user,
                or_(BATCH.c.expires_at.is_(None), BATCH.c.expires_at > self._clock()),
            )
            .order_by(BATCH.c.created_at.desc(), BATCH.c.id.desc())
            .limit(page.limit)
        )
        if page.after is not None:
            last = await self.find(user, page.after)
            query = query.where(
                or_(
                    BATCH.c.created_at < last.created_at,
                    and_(BATCH.c.created_at == last.created_at, BATCH.c.id < last.id),
                )
            )
        async with self._database.read() as connection:
            return list(await connection.execute(query))

    async def records(self, rows: Sequence[BatchRow]) -> list[BatchRecord]:
        """What clients see of batches."""
        query = (
            select(
                JOB.c.batch_id,
                JOB.c.state,
                func.count().label("jobs"),
                func.sum(JOB.c.pages_total).label("pages_total"),
                func.sum(JOB.c.pages_done).label("pages_done"),
                func.sum(JOB.c.pages_failed).label("pages_failed"),
            )
            .where(JOB.c.batch_id.in_([row.id for row in rows]))
            .group_by(JOB.c.batch_id, JOB.c.state)
        )
        async with self._database.read() as connection:
            sums = (await connection.execute(query)).all()
        return [_record(row, [each for each in sums if each.batch_id == row.id]) for row in rows]

    async def jobs(self, batch_id: str, page: JobPage) -> list[JobRow]:
        """Jobs of the batch in the order of its files."""
        query = (
            select(JOB).where(JOB.c.batch_id == batch_id).order_by(JOB.c.number).limit(page.limit)
        )
        if page.state is not None:
            query = query.where(JOB.c.state == page.state)
        async with self._database.read() as connection:
            if page.after is not None:
                last = select(JOB.c.number).where(
                    JOB.c.id == page.after, JOB.c.batch_id == batch_id
                )
                number = (await connection.execute(last)).scalar_one_or_none()
                if number is None:
                    raise NotFound("no job of the batch has this id")
                query = query.where(JOB.c.number > number)
            return list(await connection.execute(query))

    async def cancel(self, batch_id: str) -> list[JobRow]:
        """End the unfinished jobs; Conflict if there are none.

        Jobs that no process works on are ended in one transaction. No other transaction changes
        several of these jobs, so no two transactions wait for each other. The remaining jobs are
        ended one by one.
        """
        mine = and_(JOB.c.batch_id == batch_id, JOB.c.state.in_(UNFINISHED))
        async with self._database.write() as connection:
            ended = await self._cancel(connection, and_(mine, JOB.c.lease_owner.is_(None)))
        async with self._database.read() as connection:
            left = list((await connection.execute(select(JOB.c.id).where(mine))).scalars())
        for job_id in left:
            async with self._database.write() as connection:
                ended += await self._cancel(connection, JOB.c.id == job_id)
        if not ended:
            raise Conflict("all jobs of the batch are finished")
        return ended

    async def erase(self, batch_id: str) -> list[JobRow]:
        """Delete the finished jobs, and the batch if no job is left; returns the deleted rows."""
        mine = JOB.c.batch_id == batch_id
        finished = select(JOB).where(mine, JOB.c.state.not_in(UNFINISHED))
        async with self._database.write() as connection:
            rows = list(await connection.execute(finished))
            job_ids = [row.id for row in rows]
            await connection.execute(delete(DELIVERY).where(DELIVERY.c.job_id.in_(job_ids)))
            await connection.execute(delete(JOB).where(JOB.c.id.in_(job_ids)))
            left = (await connection.execute(select(JOB.c.id).where(mine).limit(1))).first()
            if left is not None and not rows:
                raise NotFinished("no job of the batch is finished; cancel it first")
            if left is None:
                for table in (DELIVERY, IDEMPOTENCY):
                    await connection.execute(delete(table).where(table.c.batch_id == batch_id))
                await connection.execute(delete(BATCH).where(BATCH.c.id == batch_id))
        return rows

    async def _cancel(
        self, connection: AsyncConnection, which: ColumnElement[bool]
    ) -> list[JobRow]:
        await hold_users(connection, select(JOB.c.user).where(which))
        query = select(JOB.c.id).where(which).order_by(JOB.c.number).with_for_update()
        found: Collection[str] = (await connection.execute(query)).scalars().all()
        ended = [
            await self._rows.end(connection, JOB.c.id == job_id, End("cancelled"))
            for job_id in found
        ]
        return [row for row in ended if row is not None]


def _record(row: BatchRow, sums: Sequence[Row[Any]]) -> BatchRecord:
    return BatchRecord(
        batch_id=row.id,
        user=row.user,
        files=row.files,
        created_at=row.created_at,
        counts={each.state: each.jobs for each in sums},
        pages_total=sum(each.pages_total for each in sums),
        pages_done=sum(each.pages_done for each in sums),
        pages_failed=sum(each.pages_failed for each in sums),
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )
