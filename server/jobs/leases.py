"""Leases: which jobs this process works on, so that no other does."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update

from server.database.tables import JOB
from server.jobs.rows import UNFINISHED, End, JobRow, JobRows

LEASE_SECONDS = 3.0


class JobLeases:
    """The jobs that this process works on.

    This process renews its leases each second. If it stops, another process continues its jobs.
    """

    def __init__(self, rows: JobRows) -> None:
        self._rows = rows
        self._database = rows.database
        self._clock = rows.clock
        self.owner = secrets.token_hex(16)

    async def waiting_users(self) -> dict[str, float]:
        """The users who have jobs that nobody works on, with their weights."""
        query = (
            select(JOB.c.user, func.max(JOB.c.weight).label("weight"))
            .where(_waiting())
            .group_by(JOB.c.user)
        )
        async with self._database.read() as connection:
            return {row.user: row.weight for row in await connection.execute(query)}

    async def take(self, user: str) -> JobRow | None:
        """Lease the next job of this user; None if others were faster."""
        mine = and_(_waiting(), JOB.c.user == user)
        first = (
            select(JOB.c.id)
            .where(mine)
            .order_by(JOB.c.priority.desc(), JOB.c.created_at, JOB.c.id)
            .limit(1)
        )
        lease = {
            "lease_owner": self.owner,
            "lease_until": self._clock() + LEASE_SECONDS,
            "attempts": JOB.c.attempts + 1,
            "version": JOB.c.version + 1,
        }
        async with self._database.write() as connection:
            job_id = (await connection.execute(first)).scalar_one_or_none()
            change = update(JOB).where(JOB.c.id == job_id, _waiting()).values(lease)
            row: JobRow | None = (await connection.execute(change.returning(JOB))).one_or_none()
            return row

    async def renew(self, job_ids: Collection[str]) -> set[str]:
        """Renew the leases of these jobs; returns the jobs that this process still has."""
        change = (
            update(JOB)
            .where(
                JOB.c.id.in_(job_ids),
                JOB.c.lease_owner == self.owner,
                JOB.c.state.in_(UNFINISHED),
            )
            .values(lease_until=self._clock() + LEASE_SECONDS)
            .returning(JOB.c.id)
        )
        async with self._database.write() as connection:
            return set((await connection.execute(change)).scalars())

    async def begun(self, job_ids: Collection[str]) -> None:
        """Record that workers have begun these jobs of this process."""
        change = (
            update(JOB)
            .where(JOB.c.id.in_(job_ids), JOB.c.lease_owner == self.owner, JOB.c.state == "queued")
            .values(state="running", started_at=self._clock(), version=JOB.c.version + 1)
        )
        async with self._database.write() as connection:
            await connection.execute(change)

    async def release(self, job_ids: Collection[str]) -> None:
        """Let jobs of this process wait again; the attempt does not count."""
        change = (
            update(JOB)
            .where(
                JOB.c.id.in_(job_ids),
                JOB.c.lease_owner == self.owner,
                JOB.c.state.in_(UNFINISHED),
            )
            .values(**_back_in_queue(), attempts=JOB.c.attempts - 1)
        )
        async with self._database.write() as connection:
            await connection.execute(change)

    async def recover(self, held: Collection[str]) -> int:
        """Requeue jobs whose leases are no longer renewed, except those held; returns how many."""
        lost = and_(
            JOB.c.state.in_(UNFINISHED),
            JOB.c.lease_until < self._clock(),
            JOB.c.id.not_in(held),
        )
        async with self._database.read() as connection:
            found = (await connection.execute(select(JOB.c.id).where(lost).limit(1))).first()
        if found is None:
            return 0
        async with self._database.write() as connection:
            change = update(JOB).where(lost).values(_back_in_queue())
            return (await connection.execute(change)).rowcount

    async def overdue(self) -> list[str]:
        """The ids of queued jobs that nobody works on and whose deadline has passed."""
        query = select(JOB.c.id).where(JOB.c.deadline_at <= self._clock(), _waiting())
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def end(self, job_id: str, end: End, leased: bool) -> JobRow | None:
        """End a job once; None if it has ended already, or is no longer this process's.

        leased: if true, this process must have the lease of the job; if false, no process may.
        """
        holder = JOB.c.lease_owner == self.owner if leased else JOB.c.lease_owner.is_(None)
        async with self._database.write() as connection:
            return await self._rows.end(connection, and_(JOB.c.id == job_id, holder), end)


def _waiting() -> ColumnElement[bool]:
    return and_(JOB.c.state == "queued", JOB.c.lease_owner.is_(None))


def _back_in_queue() -> dict[str, Any]:
    return {
        "state": "queued",
        "lease_owner": None,
        "lease_until": None,
        "version": JOB.c.version + 1,
    }
