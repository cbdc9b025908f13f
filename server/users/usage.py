"""Counts usage: an event for each answered request, first in the journal, then in the database.

If the journal cannot be written, as when the disk is full, the answer is still sent: a count
is not worth an outage. The event is kept in memory until there is room, or the database takes it.
Events are lost only if there are more than MAX_HELD, or if the process that keeps them is killed;
the log says so.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from server.database.storage import Storage, StorageError
from server.errors import StorageUnavailable
from server.principal import ANONYMOUS
from server.users.days import Days
from server.users.journal import Event, Journal, Segment, parsed_lines, read_events

if TYPE_CHECKING:
    from server.database.database import Database

SHIP_SECONDS = 1.0
SYNC_SECONDS = 1.0
LEFTOVER_SECONDS = 60.0
EXPIRE_SECONDS = 3600.0
CLOSE_SECONDS = 3.0
LOG_SECONDS = 60.0
SEGMENT_BYTES = 1 << 20  # while the database is unavailable
BATCH = 500
MAX_HELD = 10_000

log = logging.getLogger("server.usage")


class Usage:
    """Counts requests from start() on: at startup if the settings say so, else with the first key.

    folder: of the journals. days: of quota.timezone. keep_days: how long events are kept; their
    sums are kept forever. timezone: the name of quota.timezone. with_keys: whether jobs of users
    with keys count even before start(), such as jobs that an earlier process accepted. clock: Unix
    time. monotonic: seconds, for the intervals.
    """

    def __init__(
        self,
        storage: Storage,
        folder: Path,
        days: Days,
        keep_days: int,
        max_journal_bytes: int,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        timezone: str = "UTC",
        with_keys: bool = True,
    ) -> None:
        self.days = days
        self.timezone = timezone
        self.is_on = False
        self._with_keys = with_keys
        self._storage = storage
        self._process = secrets.token_hex(8)
        self._journal = Journal(folder, self._process, max_journal_bytes)
        self._keep_days = keep_days
        self._clock = clock
        self._monotonic = monotonic
        self._number = 0
        self._leftovers: list[Segment] = []
        self._held: deque[bytes] = deque()
        self._lost = 0
        self._wanted = asyncio.Event()
        self._due: dict[str, float] = {}

    def start(self) -> None:
        """Count from now on."""
        if self.is_on:
            return
        self.is_on = True
        try:
            self._journal.begin(self._journal.create())
        except OSError as error:
            self._warn(error)
        self._wanted.set()

    def count(
        self,
        user: str,
        images: int,
        cached: int,
        seconds: float,
        size: int,
        code: str,
        pages: int | None = None,
    ) -> None:
        """Write the event of a request; called before its answer is sent.

        pages: of the images; None if each has one.
        """
        self._number += 1
        pages = images if pages is None else pages
        line = (  # an Event as line_of() writes it, without making one
            f'["{self._process}-{self._number:x}","{user}",{self._clock():.3f},'
            f'"{self.days.today()}",{images},{pages},{cached},{seconds:.4f},{size},"{code}"]\n'
        ).encode()
        try:
            self._journal.append(line)
        except OSError as error:
            self._hold(line, error)

    def job_event(
        self,
        job_id: str,
        user: str,
        cached: int,
        seconds: float,
        size: int,
        code: str,
        pages: int = 1,
    ) -> Event | None:
        """The event of a job that ends, for the transaction of its end; None: it does not count.

        pages: that have a result.
        """
        if not self.is_on and (not self._with_keys or user == ANONYMOUS.user):
            return None
        images, name = 0 if code else 1, f"job-{job_id}"
        at, day = self._clock(), self.days.today()
        return Event(name, user, at, day, images, images * pages, cached, seconds, size, code)

    async def run(self) -> None:
        """Move events to the database until cancelled; then move the last ones."""
        if await asyncio.to_thread(self._journal.has_leftovers):
            self._wanted.set()
        await self._wanted.wait()
        syncing = asyncio.ensure_future(self._keep_syncing())
        try:
            while True:
                await self.ship()
                await asyncio.sleep(SHIP_SECONDS)
        finally:
            syncing.cancel()
            await self._close()

    async def ship(self) -> None:
        """Move all events to the database; while it is unavailable, they stay in the journal."""
        try:
            if self.is_on and not self._journal.is_open:
                await self._seal()
            self._write_held()
            if self._is_due("leftovers", LEFTOVER_SECONDS):
                self._leftovers += await asyncio.to_thread(self._journal.leftovers)
            database = await self._storage.open()
            await self._ship_held(database)
            if self._journal.size:
                await self._seal()
            await self._ship_segments(database)
            if self._is_due("expire", EXPIRE_SECONDS):
                await self._expire(database)
        except (StorageError, StorageUnavailable) as error:
            if self._journal.size >= SEGMENT_BYTES:
                await self._seal()
            if self._may_log("away"):
                reason = error.in_log if isinstance(error, StorageUnavailable) else error
                log.warning("usage waits in the journal: %s", reason)
        except OSError as error:
            self._warn(error)

    async def _keep_syncing(self) -> None:
        """Sync the journal every second; apart from ship(), which may wait for the database."""
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            try:
                await asyncio.to_thread(self._journal.sync)
            except OSError as error:
                self._warn(error)

    async def _seal(self) -> None:
        """Begin a new segment, so that the previous one can be moved to the database."""
        try:
            self._journal.begin(await asyncio.to_thread(self._journal.create))
        except OSError as error:
            self._warn(error)

    async def _ship_segments(self, database: Database) -> None:
        while self._leftovers:
            await self._ship_segment(database, self._leftovers[0])
            await asyncio.to_thread(self._leftovers.pop(0).close, remove=True)
        for segment in self._journal.sealed:
            await self._ship_segment(database, segment)
            self._journal.forget(segment)
            await asyncio.to_thread(self._journal.close, segment, remove=True)

    async def _ship_segment(self, database: Database, segment: Segment) -> None:
        events, damaged = await asyncio.to_thread(read_events, segment.path)
        if damaged:
            log.error("%d damaged lines in the journal %s", damaged, segment.path.name)
        for start in range(0, len(events), BATCH):
            await _ship(database, events[start : start + BATCH])

    def _hold(self, line: bytes, error: OSError) -> None:
        if len(self._held) < MAX_HELD:
            self._held.append(line)
        else:
            self._lost += 1
        self._warn(error)

    def _write_held(self) -> None:
        """Write to the journal what it had no room for."""
        try:
            while self._held:
                self._journal.append(self._held[0])
                self._held.popleft()
        except OSError as error:
            self._warn(error)

    async def _ship_held(self, database: Database) -> None:
        while self._held:
            batch = [self._held[number] for number in range(min(BATCH, len(self._held)))]
            events, _ = parsed_lines(batch)
            await _ship(database, events)
            for _ in batch:
                self._held.popleft()

    async def _expire(self, database: Database) -> None:
        from server.users.usage_store import expire

        today = date.fromisoformat(self.days.today())
        await expire(database, (today - timedelta(days=self._keep_days)).isoformat())

    async def _close(self) -> None:
        """Move the last events to the database; any that remain are left to the next start."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.ship()
        except TimeoutError:
            log.warning("usage waits in the journal for the next start")
        self._journal.leave()

    def _warn(self, error: OSError) -> None:
        if self._may_log("full"):
            log.error(
                "cannot write the usage journal: %s; %d events are kept in memory, %d are lost",
                error.strerror or error,
                len(self._held),
                self._lost,
            )

    def _may_log(self, what: str) -> bool:
        return self._is_due(f"log {what}", LOG_SECONDS)

    def _is_due(self, what: str, seconds: float) -> bool:
        """Whether `what` is due: True at most once in this many seconds."""
        now = self._monotonic()
        if now < self._due.get(what, float("-inf")):
            return False
        self._due[what] = now + seconds
        return True


async def _ship(database: Database, events: Sequence[Event]) -> None:
    """See usage_store.ship; imported here, as SQLAlchemy is loaded only if there are events."""
    from server.users.usage_store import ship

    await ship(database, events)
