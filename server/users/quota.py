"""The daily quota of users: exact across processes, but only a count in memory for most requests.

A process leases a part of the quota (leases.py), and each request takes one image from the lease.
If its answer counts, that image is spent, and the journal notes this before the answer is sent
(lease_journal.py); otherwise the image is given back to the lease. So when the process is killed,
exactly what was answered stays counted. See docs/decisions/0034.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from server.database.storage import Storage
from server.errors import QuotaExceeded, StorageUnavailable
from server.users.days import Days
from server.users.lease_book import Lease, LeaseBook, UserDay
from server.users.lease_journal import new_id
from server.users.lease_upkeep import LeaseUpkeep
from server.users.standing import Standing, whole_seconds

DAY_SECONDS = 86_400
EXHAUSTED_SECONDS = 0.5  # for so long, a quota that is used up is not asked for again
RECALL_SECONDS = 1.0  # how long the first refusal waits for what others give back
RETRY_SECONDS = 0.1


class Quota:
    """Counts accepted requests by user and day.

    folder: for the journals. clock: Unix time. pause: waits for so many seconds.
    """

    def __init__(
        self,
        storage: Storage,
        folder: Path,
        days: Days,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._days = days
        self._clock = clock
        self._pause = pause
        self._book = LeaseBook(storage, folder, days)
        self._upkeep = LeaseUpkeep(self._book, clock, pause)

    def try_take(self, user: str, limit: int) -> Lease | None:
        """Take one request from a lease; None: take() must be called. Never waits."""
        known = self._book.users.get(user)
        if known is None or known.limit != limit or known.day != self._days.today():
            return None
        lease = known.lease_with_rest()
        if lease is not None:
            lease.left -= 1
            lease.used_at = self._clock()
        return lease

    async def take(self, user: str, limit: int) -> Lease:
        """Take one request; QuotaExceeded, or StorageUnavailable if the database is down."""
        while True:
            known = self._book.today(user)
            known.waiting += 1
            try:
                async with known.lock:
                    lease = await self._take(user, known, limit)
                if lease is not None:
                    return lease
            finally:
                known.waiting -= 1

    def standing(self, user: str, limit: int) -> Standing:
        """What is left of the day, as far as this process knows."""
        seconds = whole_seconds(self._days.seconds_left())
        known = self._book.users.get(user)
        left = limit
        if known is not None and known.day == self._days.today():
            left = known.elsewhere + known.left()
        return Standing("day", limit, min(left, limit), DAY_SECONDS, seconds)

    async def left_today(self, user: str, limit: int) -> int:
        """What is left of the day; what other processes have leased is not counted as left."""
        day = self._days.today()
        known = self._book.users.get(user)
        own = known.left() if known is not None and known.day == day else 0
        leases, _ = await self._book.open()
        return max(0, limit - await leases.used(user, day) + own)

    async def run(self) -> None:
        """Give back what is not used, until cancelled; then give back all that is not spent."""
        await self._upkeep.run()

    async def close(self) -> None:
        """Give back everything that is not spent."""
        await self._upkeep.close()

    async def _take(self, user: str, known: UserDay, limit: int) -> Lease | None:
        """Take one request, from a new lease if necessary; None if the day is over."""
        if known is not self._book.today(user):
            return None
        if known.limit != limit:
            known.change_limit(limit)
        lease = self.try_take(user, limit)
        if lease is not None:
            return lease
        if self._clock() < known.exhausted_until:
            raise self._exceeded(limit)
        lease = await self._ask(user, known, limit)
        if lease is None and not known.asked_others:
            known.asked_others = True
            lease = await self._ask_others(user, known, limit)
        if lease is None:
            known.exhausted_until = self._clock() + EXHAUSTED_SECONDS
            raise self._exceeded(limit)
        if known is not self._book.today(user):
            return None
        lease.left -= 1
        return lease

    async def _ask(self, user: str, known: UserDay, limit: int) -> Lease | None:
        """A new lease; None if the quota is used up."""
        leases, journal = await self._book.open()
        lease_id = new_id()
        try:
            grant = await leases.take(lease_id, user, known.day, limit, known.waiting)
            known.elsewhere = grant.left
            if not grant.granted:
                return None
            place = journal.begin(int(lease_id, 16))
        except OSError as error:  # the disk is full
            self._book.doubtful.add(lease_id)
            raise StorageUnavailable("the state folder cannot be written") from error
        except BaseException:
            self._book.doubtful.add(lease_id)
            raise
        number, now = grant.granted, self._clock()
        lease = Lease(lease_id, user, known.day, number, number, journal, place, now)
        known.put_finished_aside()
        known.leases.append(lease)
        return lease

    async def _ask_others(self, user: str, known: UserDay, limit: int) -> Lease | None:
        """A lease of what dead processes had, or others give back now; None if that is nothing.

        First goes back what this process itself has leased under a higher limit.
        """
        await self._upkeep.give_back_outdated(known)
        await self._upkeep.settle_dead()
        leases, _ = await self._book.open()
        asked = await leases.recall(user, known.day)
        lease = await self._ask(user, known, limit)
        patience = round(RECALL_SECONDS / RETRY_SECONDS) if asked else 0
        while lease is None and patience:
            patience -= 1
            await self._pause(RETRY_SECONDS)
            lease = known.lease_with_rest() or await self._ask(user, known, limit)
        return lease

    def _exceeded(self, limit: int) -> QuotaExceeded:
        return QuotaExceeded(
            f"the quota of {limit} images a day is used up; it begins again at midnight "
            f"({self._days.zone})",
            whole_seconds(self._days.seconds_left()),
        )
