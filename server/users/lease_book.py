"""What this process has leased of the quotas of users."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from server.database.storage import Storage, StorageError
from server.errors import StorageUnavailable
from server.users.days import Days
from server.users.lease_journal import Journal, NoJournal, open_journal

if TYPE_CHECKING:
    from server.users.leases import Leases

log = logging.getLogger("server.quota")


@dataclass(slots=True, eq=False)
class Lease:
    """Requests of one user and day that this process may accept.

    granted: how many there are, as the row in the database says. left: how many no request has
    taken. spent: how many were taken by requests whose answers count. returning: how many are being
    given back to the database. The others are taken by requests that have no answer yet. recalled:
    another process wants what is left. outdated: the user's limit has changed. used_at: Unix time.
    """

    lease_id: str
    user: str
    day: str
    granted: int
    left: int
    journal: Journal
    place: int
    used_at: float
    spent: int = 0
    returning: int = 0
    recalled: bool = False
    outdated: bool = False

    def spend(self) -> None:
        """Count a request as spent, just before it is answered."""
        self.spent += 1
        self.journal.note(self.place, self.spent)

    def credit(self) -> None:
        """Give a request back to `left`, because it does not count."""
        self.left += 1

    @property
    def finished(self) -> bool:
        """Whether the lease is spent completely."""
        return self.spent == self.granted


@dataclass(slots=True, eq=False)
class UserDay:
    """A day of a user. finished: leases that are spent, and whose rows are not deleted yet.

    elsewhere: what was not leased by anybody when the database was last asked. waiting: requests
    that need a new lease. exhausted_until: before this time, no new lease is asked for.
    asked_others: whether other processes were asked to give back what they have not spent.
    """

    day: str
    leases: list[Lease] = field(default_factory=list)
    finished: list[Lease] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    limit: int = 0
    waiting: int = 0
    elsewhere: int = 0
    exhausted_until: float = 0.0
    asked_others: bool = False

    def change_limit(self, limit: int) -> None:
        """Use no more of the leases made under another limit; they are given back soon."""
        self.limit = limit
        self.exhausted_until = 0.0
        self.asked_others = False
        for lease in self.leases:
            lease.outdated = True

    def put_finished_aside(self) -> None:
        """Move spent leases to `finished`, so that no search for a lease has to skip them."""
        self.finished += [lease for lease in self.leases if lease.finished]
        self.leases = [lease for lease in self.leases if not lease.finished]

    def lease_with_rest(self) -> Lease | None:
        """A lease from which a request can be taken."""
        for lease in self.leases:
            if lease.left and not lease.outdated:
                return lease
        return None

    @property
    def holds_any(self) -> bool:
        """Whether there are leases with a row in the database."""
        return bool(self.leases or self.finished)

    def left(self) -> int:
        """What this process may still accept."""
        return sum(lease.left for lease in self.leases)


class LeaseBook:
    """All leases of this process, by user. folder: for the journals of this machine.

    doubtful: ids of leases that may be in the database, because their commit got no answer.
    """

    def __init__(self, storage: Storage, folder: Path, days: Days) -> None:
        self.storage = storage
        self.folder = folder
        self.days = days
        self.users: dict[str, UserDay] = {}
        self.past: list[UserDay] = []  # days that are over, with leases
        self.doubtful: set[str] = set()
        self._opened: tuple[Leases, Journal] | None = None

    def today(self, user: str) -> UserDay:
        """The user's present day."""
        day = self.days.today()
        known = self.users.get(user)
        if known is None or known.day != day:
            if known is not None and known.holds_any:
                self.past.append(known)
            known = self.users[user] = UserDay(day)
        return known

    def all(self) -> list[UserDay]:
        """The days of all users that have leases."""
        return [*self.past, *self.users.values()]

    def forget(self, now: float) -> None:
        """Forget users without leases, except those that are refused today."""
        today = self.days.today()
        self.past = [known for known in self.past if known.holds_any]
        for user, known in list(self.users.items()):
            busy = known.holds_any or known.waiting or now < known.exhausted_until
            if not busy and (known.day != today or not known.asked_others):
                del self.users[user]

    @property
    def in_use(self) -> bool:
        """Whether anything has been leased."""
        return self._opened is not None

    async def open(self) -> tuple[Leases, Journal]:
        """The leases and the journal; StorageUnavailable if the database does not answer."""
        if self._opened is not None:
            return self._opened
        try:
            database = await self.storage.open()
        except StorageError as error:
            raise StorageUnavailable("the database does not answer; try again later") from error
        from server.users.leases import Leases

        if self._opened is None:  # no other request has opened them meanwhile
            journal = self._open_journal()
            self._opened = Leases(database, journal.owner), journal
        return self._opened

    def close(self) -> None:
        """Delete the journal; all leases must have been given back."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def _open_journal(self) -> Journal:
        try:
            return open_journal(self.folder)
        except OSError as error:
            log.warning(
                "quotas: cannot write to %s (%s); all that this process has leased counts as used "
                "if it is killed",
                self.folder,
                error.strerror,
            )
            return NoJournal()
