"""Gives back what is leased and not used, also for processes that have been killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from server.database.storage import StorageError
from server.errors import StorageUnavailable
from server.users.lease_book import Lease, LeaseBook, UserDay
from server.users.lease_journal import Journal, dead_owner, journals

if TYPE_CHECKING:
    from server.users.leases import Leases

TICK_SECONDS = 0.25
IDLE_SECONDS = 30.0  # then an unused lease is given back
CLOSE_SECONDS = 5.0

log = logging.getLogger("server.quota")


class LeaseUpkeep:
    """Looks after the leases of this process. clock: Unix time. pause: waits so many seconds."""

    def __init__(
        self,
        book: LeaseBook,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._book = book
        self._clock = clock
        self._pause = pause
        self._settled_at = float("-inf")

    async def run(self) -> None:
        """Give back what is not used, forever; starts when the database is opened.

        When it is cancelled, at the end of the process, it gives back everything.
        """
        await self._book.storage.opened()
        while True:
            tending = asyncio.ensure_future(self._tend_safely())
            try:
                await asyncio.shield(tending)
                await self._pause(TICK_SECONDS)
            except asyncio.CancelledError:
                await tending  # a transaction is not broken off
                await self.close()
                raise

    async def close(self) -> None:
        """Give back everything that is not spent."""
        if not self._book.in_use:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                leases, journal = await self._book.open()
                await self._cancel_doubtful(leases)
                for known in self._book.all():
                    for lease in known.leases:
                        await self._give_back(leases, known, lease)
                await self._drop_finished(leases, journal)
        except (StorageUnavailable, StorageError, TimeoutError):
            log.warning("quotas: what was leased comes back at the next start")
        else:
            if not any(known.holds_any for known in self._book.all()):
                self._book.close()

    async def settle_dead(self) -> None:
        """Give back what processes of this machine had not spent when they were killed.

        A call that settles leases of a killed process keeps its journal. A later call that finds no
        more of its leases deletes it. In between, the database may still commit a lease that the
        process asked for just before it was killed, and settling that needs the journal.
        """
        leases, _ = await self._book.open()
        for path in journals(self._book.folder):
            with dead_owner(path) as dead:
                if dead is not None and not await leases.settle(dead.owner, dead.spent):
                    path.unlink(missing_ok=True)

    async def give_back_outdated(self, known: UserDay) -> None:
        """Give back what is left of leases under an older limit; the caller has the day's lock."""
        leases, _ = await self._book.open()
        for lease in known.leases:
            if lease.outdated:
                await self._shrink(leases, known, lease)

    async def _tend_safely(self) -> None:
        try:
            if self._book.in_use:
                await self._tend()
        except (StorageUnavailable, StorageError):
            pass  # again at the next tick
        except Exception:
            log.exception("quotas: cannot give back leases; trying again")

    async def _tend(self) -> None:
        leases, journal = await self._book.open()
        await self._cancel_doubtful(leases)
        await self._note_recalled(leases)
        now, today = self._clock(), self._book.days.today()
        for known in self._book.all():
            for lease in known.leases:
                idle = now >= lease.used_at + IDLE_SECONDS or lease.day != today
                if lease.returning or (lease.left and (idle or lease.recalled or lease.outdated)):
                    await self._give_back(leases, known, lease)
        await self._drop_finished(leases, journal)
        self._book.forget(now)
        if now >= self._settled_at + IDLE_SECONDS:
            await self.settle_dead()
            await leases.forget_before(today)
            self._settled_at = now

    async def _cancel_doubtful(self, leases: Leases) -> None:
        for lease_id in list(self._book.doubtful):
            await leases.cancel(lease_id)
            self._book.doubtful.discard(lease_id)

    async def _note_recalled(self, leases: Leases) -> None:
        if any(known.left() for known in self._book.all()):
            wanted = await leases.recalled()
            for known in self._book.all():
                for lease in known.leases:
                    lease.recalled |= lease.lease_id in wanted

    async def _give_back(self, leases: Leases, known: UserDay, lease: Lease) -> None:
        """Give back what is left of a lease, but not what requests without an answer have taken."""
        async with known.lock:
            await self._shrink(leases, known, lease)

    async def _shrink(self, leases: Leases, known: UserDay, lease: Lease) -> None:
        """As _give_back(), for a caller that has the lock of the day."""
        if not lease.returning:
            lease.returning, lease.left = lease.left, 0
        number = lease.returning
        if number:
            old, new = lease.granted, lease.granted - number
            await leases.shrink(lease.lease_id, lease.user, lease.day, old, new)
            lease.granted, lease.returning = new, 0
            known.elsewhere += number

    async def _drop_finished(self, leases: Leases, journal: Journal) -> None:
        """Delete leases that are spent completely; their place in the journal is freed last."""
        for known in self._book.all():
            known.put_finished_aside()
        days = [known for known in self._book.all() if known.finished]
        finished = [(known, lease) for known in days for lease in known.finished]
        await leases.finish([lease.lease_id for _, lease in finished if lease.granted])
        for known, lease in finished:
            journal.end(lease.place)
            known.finished.remove(lease)
