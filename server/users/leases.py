"""Leases of a daily quota in the database. Imported when a quota is first used.

A process takes several requests of a user's day in one transaction, so most requests need no
database. What is leased counts as used until it is given back. Every statement is safe to run
concurrently with those of other processes. If a commit gets no answer, shrink() is called again,
and a lease that take() may have made is cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.tables import QUOTA_DAY, QUOTA_LEASE
from server.users.erased import refuse_erased

SHARE = 16  # a lease is at most what is left divided by this, unless more requests wait
MOST = 64


@dataclass(frozen=True, slots=True)
class Grant:
    """A new lease of `granted` requests; left: how many can be leased after it."""

    granted: int
    left: int


class Leases:
    """The leases of one process, which is their owner."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def take(self, lease_id: str, user: str, day: str, limit: int, waiting: int) -> Grant:
        """Lease a share of the day, for `waiting` requests at least; 0 if nothing is left.

        KeyInvalid if the user was erased.
        """
        asked = select(QUOTA_DAY.c.used).where(*_of_day(user, day)).with_for_update()
        async with self._database.write() as connection:
            await refuse_erased(connection, user)
            used = (await connection.execute(asked)).scalar()
            if used is None:
                used = await self._begin_day(connection, user, day)
            left = limit - used
            granted = min(left, max(1, waiting, min(left // SHARE, MOST)))
            if granted <= 0 or not await _add(connection, user, day, granted, limit):
                return Grant(0, max(0, left))
            await connection.execute(
                QUOTA_LEASE.insert().values(
                    id=lease_id, user=user, day=day, granted=granted, owner=self._owner, recalled=0
                )
            )
            return Grant(granted, left - granted)

    async def shrink(self, lease_id: str, user: str, day: str, old: int, new: int) -> None:
        """Reduce a lease from `old` to `new` requests, and give back the difference.

        If `new` is 0, the row is deleted. If the lease does not have `old` requests any more, this
        was done before, and nothing happens.
        """
        mine = (QUOTA_LEASE.c.id == lease_id, QUOTA_LEASE.c.granted == old)
        changed = (
            update(QUOTA_LEASE).where(*mine).values(granted=new)
            if new
            else delete(QUOTA_LEASE).where(*mine)
        )
        async with self._database.write() as connection:
            if (await connection.execute(changed)).rowcount:
                await give_back(connection, user, day, old - new)

    async def finish(self, lease_ids: Sequence[str]) -> None:
        """Delete leases that are spent completely."""
        if lease_ids:
            rows = delete(QUOTA_LEASE).where(QUOTA_LEASE.c.id.in_(lease_ids))
            async with self._database.write() as connection:
                await connection.execute(rows)

    async def cancel(self, lease_id: str) -> None:
        """Give back a lease of which nothing is spent, if it exists."""
        row = delete(QUOTA_LEASE).where(QUOTA_LEASE.c.id == lease_id).returning(QUOTA_LEASE)
        async with self._database.write() as connection:
            for lease in (await connection.execute(row)).all():
                await give_back(connection, lease.user, lease.day, lease.granted)

    async def settle(self, owner: str, spent: dict[int, int] | None) -> int:
        """Give back what a dead process had not spent; returns how many leases it had.

        spent: by lease id; None: everything.
        """
        rows = delete(QUOTA_LEASE).where(QUOTA_LEASE.c.owner == owner).returning(QUOTA_LEASE)
        async with self._database.write() as connection:
            found = (await connection.execute(rows)).all()
            for lease in found:
                used = lease.granted if spent is None else spent.get(int(lease.id, 16), 0)
                await give_back(connection, lease.user, lease.day, lease.granted - used)
            return len(found)

    async def recall(self, user: str, day: str) -> bool:
        """Ask other processes to return what they have not spent; False if none has a lease."""
        others = (
            QUOTA_LEASE.c.user == user,
            QUOTA_LEASE.c.day == day,
            QUOTA_LEASE.c.owner != self._owner,
        )
        async with self._database.write() as connection:
            recalled = await connection.execute(
                update(QUOTA_LEASE).where(*others).values(recalled=1)
            )
            return recalled.rowcount > 0

    async def recalled(self) -> set[str]:
        """The leases of this process that others have asked for."""
        asked = select(QUOTA_LEASE.c.id).where(
            QUOTA_LEASE.c.owner == self._owner, QUOTA_LEASE.c.recalled == 1
        )
        async with self._database.read() as connection:
            return set((await connection.execute(asked)).scalars())

    async def used(self, user: str, day: str) -> int:
        """What is used or leased of a day."""
        async with self._database.read() as connection:
            asked = select(QUOTA_DAY.c.used).where(*_of_day(user, day))
            return int((await connection.execute(asked)).scalar() or 0)

    async def forget_before(self, day: str) -> None:
        """Delete the leases of past days, of which nothing can be used any more."""
        async with self._database.write() as connection:
            await connection.execute(delete(QUOTA_LEASE).where(QUOTA_LEASE.c.day < day))

    async def _begin_day(self, connection: AsyncConnection, user: str, day: str) -> int:
        """Insert the row of a day, unless another process has just done so, and lock it."""
        row = self._database.insert(QUOTA_DAY).values(user=user, day=day, used=0)
        await connection.execute(row.on_conflict_do_nothing())
        asked = select(QUOTA_DAY.c.used).where(*_of_day(user, day)).with_for_update()
        return int((await connection.execute(asked)).scalar_one())


async def _add(connection: AsyncConnection, user: str, day: str, number: int, limit: int) -> bool:
    """Count requests as used; False if they are more than the limit allows."""
    row = (
        update(QUOTA_DAY)
        .where(*_of_day(user, day), QUOTA_DAY.c.used + number <= limit)
        .values(used=QUOTA_DAY.c.used + number)
        .returning(QUOTA_DAY.c.used)
    )
    return (await connection.execute(row)).scalar() is not None


async def give_back(connection: AsyncConnection, user: str, day: str, number: int = 1) -> None:
    """Subtract requests from a day's use, such as a job that failed because of the server."""
    if number > 0:
        enough = QUOTA_DAY.c.used >= number  # the job may have been accepted without a quota
        less = QUOTA_DAY.c.used - number
        change = update(QUOTA_DAY).where(*_of_day(user, day), enough).values(used=less)
        await connection.execute(change)


def _of_day(user: str, day: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return QUOTA_DAY.c.user == user, QUOTA_DAY.c.day == day
