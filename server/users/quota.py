"""The daily quota of users: exact over several processes, an integer in memory for most requests.

A request takes one of the requests that this process has leased (leases.py), and its answer either
spends it, which is noted in the journal before the answer is sent (lease_journal.py), or credits
it. So when the process is killed, exactly what was answered stays counted. See
docs/decisions/0034.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from server.database.storage import Storage, StorageError
from server.errors import QuotaExceeded, StorageUnavailable
from server.users.days import Days
from server.users.lease_journal import (
    Journal,
    NoJournal,
    dead_owner,
    journals,
    new_id,
    open_journal,
)
from server.users.standing import Standing, whole_seconds

if TYPE_CHECKING:
    from server.users.leases import Leases

DAY_SECONDS = 86_400
EXHAUSTED_SECONDS = 0.5  # for so long, a quota without rest is not asked for again
RECALL_SECONDS = 1.0  # how long the first refusal waits for what others give back
RETRY_SECONDS = 0.1
TICK_SECONDS = 0.25
IDLE_SECONDS = 30.0  # then an unused lease is given back

log = logging.getLogger("server.quota")


@dataclass(slots=True, eq=False)
class Lease:
    """Requests of one user and day that this process may accept.

    granted: as the row in the database says. left: not taken by a request; spent: answered.
    returning: to be given back. The rest is with requests that have no answer yet.
    """

    lease_id: str
    user: str
    day: str
    granted: int
    left: int
    journal: Journal
    place: int
    spent: int = 0
    returning: int = 0
    recalled: bool = False
    used_at: float = 0.0

    def spend(self) -> None:
        """The request was answered: it counts."""
        self.spent += 1
        self.journal.note(self.place, self.spent)

    def credit(self) -> None:
        """The request does not count."""
        self.left += 1

    @property
    def finished(self) -> bool:
        """Whether all of it is spent."""
        return self.spent == self.granted


@dataclass(slots=True, eq=False)
class _User:
    """A user's day. elsewhere: what was not leased when the database was last asked."""

    day: str
    leases: list[Lease] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    elsewhere: int = 0
    exhausted_until: float = 0.0
    recalled: bool = False


class Quota:
    """Counts accepted requests by user and day.

    folder: for the journal. clock: Unix time. pause: waits for so many seconds.
    """

    def __init__(
        self,
        storage: Storage,
        folder: Path,
        days: Days,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._storage = storage
        self._folder = folder
        self._days = days
        self._clock = clock
        self._pause = pause
        self._users: dict[str, _User] = {}
        self._past: list[_User] = []  # of other days, with leases
        self._journal: Journal | None = None
        self._leases: Leases | None = None
        self._doubtful: set[str] = set()  # leases that may exist
        self._settled_at = float("-inf")

    def try_take(self, user: str) -> Lease | None:
        """Take one request from a lease; None: take() must be called. Never waits."""
        known = self._users.get(user)
        if known is None or known.day != self._days.today():
            return None
        for lease in known.leases:
            if lease.left:
                lease.left -= 1
                lease.used_at = self._clock()
                return lease
        return None

    async def take(self, user: str, limit: int) -> Lease:
        """Take one request; QuotaExceeded, or StorageUnavailable if the database is away."""
        while True:
            known = self._day_of(user)
            known.waiting += 1
            try:
                async with known.lock:
                    if known is not self._users.get(user):
                        continue  # midnight has passed
                    lease = self.try_take(user) or await self._lease(user, known, limit)
                    if lease is not None:
                        return lease
            finally:
                known.waiting -= 1

    def standing(self, user: str, limit: int) -> Standing:
        """What is left of the day, as far as this process knows."""
        seconds = whole_seconds(self._days.seconds_left())
        known = self._users.get(user)
        left = limit
        if known is not None and known.day == self._days.today():
            left = known.elsewhere + sum(lease.left for lease in known.leases)
        return Standing("day", limit, min(left, limit), DAY_SECONDS, seconds)

    async def left_today(self, user: str, limit: int) -> int:
        """What is left of the day; what other processes have leased is not counted as left."""
        day = self._days.today()
        known = self._users.get(user)
        own = sum(lease.left for lease in known.leases) if known and known.day == day else 0
        leases, _ = await self._open()
        return max(0, limit - await leases.used(user, day) + own)

    def recall_all(self) -> None:
        """Have all leases given back soon, because limits may have changed."""
        for known in self._all():
            known.exhausted_until = 0.0
            known.recalled = False
            for lease in known.leases:
                lease.recalled = True

    async def run(self) -> None:
        """Give back what is not used, for ever; starts when the database is opened."""
        await self._storage.opened()
        while True:
            try:
                await self._tend()
            except (StorageUnavailable, StorageError):
                pass  # again at the next tick
            except Exception:
                log.exception("cannot give back leases of quotas; trying again")
            await self._pause(TICK_SECONDS)

    async def close(self) -> None:
        """Give back everything that is not spent, at the end of the process."""
        try:
            if self._leases is None or self._journal is None:
                return
            for known in self._all():
                for lease in list(known.leases):
                    await self._give_back(self._leases, known, lease)
            await self._drop_finished(self._leases, self._journal)
            if not self._doubtful and not any(known.leases for known in self._all()):
                self._journal.close()
        except (StorageUnavailable, StorageError) as error:
            log.warning("quotas: what was leased is given back at the next start: %s", error)

    def _day_of(self, user: str) -> _User:
        """The user's present day; _tend() gives back what is left of another."""
        day = self._days.today()
        known = self._users.get(user)
        if known is None or known.day != day:
            if known is not None and known.leases:
                self._past.append(known)
            known = self._users[user] = _User(day)
        return known

    def _all(self) -> list[_User]:
        return [*self._past, *self._users.values()]

    async def _lease(self, user: str, known: _User, limit: int) -> Lease | None:
        """A new lease, with one request taken; None if it is no longer the same day."""
        if self._clock() < known.exhausted_until:
            raise self._exceeded(limit)
        lease = await self._ask(user, known, limit)
        if lease is None and not known.recalled:
            known.recalled = True
            lease = await self._ask_others(user, known, limit)
        if lease is None:
            known.exhausted_until = self._clock() + EXHAUSTED_SECONDS
            raise self._exceeded(limit)
        if known is not self._users.get(user) or known.day != self._days.today():
            return None
        lease.left -= 1
        return lease

    async def _ask(self, user: str, known: _User, limit: int) -> Lease | None:
        leases, journal = await self._open()
        lease_id = new_id()
        try:
            grant = await leases.take(lease_id, user, known.day, limit, known.waiting)
            known.elsewhere = grant.left
            if not grant.granted:
                return None
            place = journal.begin(int(lease_id, 16))
        except OSError as error:  # the disk is full
            self._doubtful.add(lease_id)
            raise StorageUnavailable("the state folder cannot be written") from error
        except BaseException:
            self._doubtful.add(lease_id)
            raise
        lease = Lease(lease_id, user, known.day, grant.granted, grant.granted, journal, place)
        lease.used_at = self._clock()
        known.leases.append(lease)
        return lease

    async def _ask_others(self, user: str, known: _User, limit: int) -> Lease | None:
        """Wait for what dead processes had, and others give back; None if that is nothing."""
        leases, _ = await self._open()
        await self._settle_dead(leases)
        asked = await leases.recall(user, known.day)
        lease = await self._ask(user, known, limit)
        patience = round(RECALL_SECONDS / RETRY_SECONDS) if asked else 0
        while lease is None and patience:
            patience -= 1
            await self._pause(RETRY_SECONDS)
            lease = await self._ask(user, known, limit)
        return lease

    def _exceeded(self, limit: int) -> QuotaExceeded:
        return QuotaExceeded(
            f"the quota of {limit} requests a day is used up; it begins again at midnight",
            whole_seconds(self._days.seconds_left()),
        )

    async def _open(self) -> tuple[Leases, Journal]:
        if self._leases is None or self._journal is None:
            try:
                database = await self._storage.open()
            except StorageError as error:
                raise StorageUnavailable("the database does not answer; try again later") from error
            from server.users.leases import Leases

            if self._leases is None or self._journal is None:
                self._journal = self._open_journal()
                self._leases = Leases(database, self._journal.owner)
        return self._leases, self._journal

    def _open_journal(self) -> Journal:
        try:
            return open_journal(self._folder)
        except OSError as error:
            log.warning(
                "quotas: cannot write to %s (%s); all that this process has leased counts as used "
                "if it is killed",
                self._folder,
                error.strerror,
            )
            return NoJournal()

    async def _tend(self) -> None:
        """One round of run()."""
        leases, journal = await self._open()
        for lease_id in list(self._doubtful):
            await leases.cancel(lease_id)
            self._doubtful.discard(lease_id)
        if any(lease.left for known in self._all() for lease in known.leases):
            wanted = await leases.recalled()
            for known in self._all():
                for lease in known.leases:
                    lease.recalled |= lease.lease_id in wanted
        now, today = self._clock(), self._days.today()
        for known in self._all():
            for lease in known.leases:
                idle = now >= lease.used_at + IDLE_SECONDS or lease.day != today
                if lease.returning or (lease.left and (idle or lease.recalled)):
                    await self._give_back(leases, known, lease)
        await self._drop_finished(leases, journal)
        self._forget_users(now, today)
        if now >= self._settled_at + IDLE_SECONDS:
            await self._settle_dead(leases)
            await leases.forget_before(today)
            self._settled_at = now

    async def _give_back(self, leases: Leases, known: _User, lease: Lease) -> None:
        """Give back what is left of a lease; what is with requests stays."""
        async with known.lock:
            if not lease.returning:
                lease.returning, lease.left = lease.left, 0
            number = lease.returning
            if number:
                old, new = lease.granted, lease.granted - number
                await leases.shrink(lease.lease_id, lease.user, lease.day, old, new)
                lease.granted, lease.returning = new, 0
                known.elsewhere += number

    async def _drop_finished(self, leases: Leases, journal: Journal) -> None:
        """Delete leases that are spent completely; their place in the journal comes last."""
        finished = [lease for known in self._all() for lease in known.leases if lease.finished]
        if finished:
            await leases.finish([lease.lease_id for lease in finished if lease.granted])
            for lease in finished:
                journal.end(lease.place)
            gone = set(map(id, finished))
            for known in self._all():
                known.leases = [lease for lease in known.leases if id(lease) not in gone]

    def _forget_users(self, now: float, today: str) -> None:
        """Forget users without leases; today's refused ones stay, see RECALL_SECONDS."""
        self._past = [known for known in self._past if known.leases]
        for user, known in list(self._users.items()):
            busy = known.leases or known.waiting or now < known.exhausted_until
            if not busy and (known.day != today or not known.recalled):
                del self._users[user]

    async def _settle_dead(self, leases: Leases) -> None:
        """Settle the leases of processes on this machine that have been killed."""
        for path in journals(self._folder):
            with dead_owner(path) as dead:
                if dead is None:
                    continue
                if not await leases.settle(dead.owner, dead.spent):
                    path.unlink(missing_ok=True)
