"""Counting: from the journal to the database, nothing lost and nothing twice."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.database.database import Database
from server.database.location import Location, locate
from server.database.schema import upgrade
from server.database.storage import Storage
from server.database.tables import USAGE_EVENT
from server.users import usage as usage_module
from server.users import usage_store
from server.users.days import Days
from server.users.journal import line_of, read_events
from server.users.usage import Usage
from server.users.usage_store import UsageDay, days
from tests.support.postgresql import PostgreSQL
from tests.support.watching import until

BEFORE_MIDNIGHT = 1_795_993_199.0  # 2026-11-29 23:59:59 in Berlin, 22:59:59 in UTC
BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    """Unix time, set by the test."""

    def __init__(self, now: float = BEFORE_MIDNIGHT) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def counting(folder: Path, storage: Storage, clock: Clock, max_bytes: int = 1 << 20) -> Usage:
    """Usage that counts, with days of Berlin."""
    usage = Usage(
        storage,
        folder / "usage",
        Days(BERLIN, clock),
        keep_days=90,
        max_journal_bytes=max_bytes,
        clock=clock,
        monotonic=clock,
    )
    usage.start()
    return usage


def count(usage: Usage, times: int = 1, user: str = "anna", code: str = "") -> None:
    for _ in range(times):
        usage.count(user, 0 if code else 1, 0, 0.5, 100, code)


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "usage").glob("*.jsonl"))


async def found(database: Database, user: str | None = "anna") -> list[UsageDay]:
    return await days(database, user, "2026-01-01", "2026-12-31")


async def images(storage: Storage) -> int:
    return sum(day.images for day in await found(await storage.open()))


def test_events_are_in_the_journal_at_once_and_in_the_database_after_shipping(
    tmp_path: Path, location: Location
) -> None:
    async def run() -> None:
        storage = Storage(location)
        usage = counting(tmp_path, storage, Clock())
        count(usage, 3)
        count(usage, code="queue_full")
        (segment,) = segments(tmp_path)
        assert segment.read_bytes().count(b"\n") == 4
        await usage.ship()
        assert not segment.exists()
        assert await found(await storage.open()) == [UsageDay("2026-11-29", 3, 3, 0, 2.0, 400, 1)]
        await usage.ship()
        assert await images(storage) == 3
        await storage.close()

    asyncio.run(run())


def test_a_line_is_written_as_the_event_would_be(tmp_path: Path, location: Location) -> None:
    async def run() -> None:
        usage = counting(tmp_path, Storage(location), Clock())
        count(usage, user="Xy12Ab34")
        count(usage, user="Xy12Ab34", code="queue_full")
        (segment,) = segments(tmp_path)
        events, damaged = read_events(segment)
        assert (len(events), damaged) == (2, 0)
        assert b"".join(map(line_of, events)) == segment.read_bytes()

    asyncio.run(run())


def test_an_event_is_counted_on_the_day_of_the_time_zone(
    tmp_path: Path, location: Location
) -> None:
    async def run() -> None:
        storage, clock = Storage(location), Clock()
        usage = counting(tmp_path, storage, clock)
        count(usage)
        clock.now += 1  # midnight in Berlin; in UTC, it is 23:00 of the day before
        count(usage, 2)
        await usage.ship()  # both are shipped on the second day
        assert [(day.day, day.images) for day in await found(await storage.open())] == [
            ("2026-11-29", 1),
            ("2026-11-30", 2),
        ]
        await storage.close()

    asyncio.run(run())


def test_a_crash_between_the_commit_and_the_removal_of_the_journal_counts_once(
    tmp_path: Path, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Exception):
        pass

    async def ship_and_crash(*arguments: object) -> None:
        await usage_store.ship(*arguments)  # type: ignore[arg-type]
        raise Crash

    async def run() -> None:
        storage = Storage(location)
        usage = counting(tmp_path, storage, Clock())
        count(usage, 5)
        with monkeypatch.context() as crashing:
            crashing.setattr(usage_module, "_ship", ship_and_crash)
            with pytest.raises(Crash):
                await usage.ship()
        assert await images(storage) == 5
        usage._journal.leave()  # as the kernel does for a dead process
        assert len(segments(tmp_path)) == 1
        restarted = counting(tmp_path, storage, Clock())
        await restarted.ship()
        assert await images(storage) == 5
        assert [path.stat().st_size for path in segments(tmp_path)] == [0]
        await storage.close()

    asyncio.run(run())


def test_while_the_database_is_away_events_wait_and_arrive_later(
    tmp_path: Path, postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        location = locate(postgresql.create_database("usage_away"), tmp_path)
        upgrade(location)
        storage, clock = Storage(location), Clock()
        usage = counting(tmp_path, storage, clock)
        await usage.ship()
        postgresql.stop()
        try:
            for _ in range(3):
                count(usage, 10)
                await usage.ship()
        finally:
            postgresql.start()
        assert "usage waits in the journal" in caplog.text
        assert len(caplog.records) == 1, "not a line for each attempt"
        await usage.ship()
        assert await images(storage) == 30
        await storage.close()

    caplog.set_level(logging.WARNING, "server.usage")
    asyncio.run(run())


def test_a_long_outage_makes_several_segments(
    tmp_path: Path, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_module, "SEGMENT_BYTES", 500)

    async def run() -> None:
        blocked = Storage(locate(None, tmp_path / "a file" / "below"))
        (tmp_path / "a file").touch()
        usage = counting(tmp_path, blocked, Clock())
        for _ in range(4):
            count(usage, 10)
            await usage.ship()
        assert len(segments(tmp_path)) == 5
        usage._storage = Storage(location)
        await usage.ship()
        assert await images(usage._storage) == 40
        assert len(segments(tmp_path)) == 1
        await usage._storage.close()

    asyncio.run(run())


def test_what_the_journal_has_no_room_for_is_kept_in_memory(
    tmp_path: Path, location: Location, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        storage = Storage(location)
        usage = counting(tmp_path, storage, Clock(), max_bytes=500)
        count(usage, 50)
        assert len(caplog.records) == 1
        assert "cannot write the usage journal: usage.max_journal_mb is reached" in caplog.text
        await usage.ship()
        assert await images(storage) == 50
        count(usage)
        assert segments(tmp_path)[-1].stat().st_size > 0, "there is room again"
        await storage.close()

    asyncio.run(run())


def test_only_what_is_beyond_the_room_in_memory_is_lost(
    tmp_path: Path,
    location: Location,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usage_module, "MAX_HELD", 20)

    async def run() -> None:
        storage, clock = Storage(location), Clock()
        usage = counting(tmp_path, storage, clock, max_bytes=0)
        count(usage, 25)
        clock.now += 60
        count(usage)
        assert "20 events are kept in memory, 6 are lost" in caplog.text
        await usage.ship()
        assert await images(storage) == 20
        await storage.close()

    asyncio.run(run())


def test_nothing_is_made_before_it_counts(tmp_path: Path) -> None:
    async def run() -> None:
        storage = Storage(locate(None, tmp_path))
        usage = Usage(storage, tmp_path / "usage", Days(), 90, 1 << 20)
        running = asyncio.ensure_future(usage.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert storage.state == "closed"

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_shipped_even_if_nothing_is_counted_now(
    tmp_path: Path, location: Location
) -> None:
    async def run() -> None:
        storage = Storage(location)
        usage = counting(tmp_path, storage, Clock())
        count(usage, 7)
        usage._journal.leave()
        idle = Usage(storage, tmp_path / "usage", Days(), 90, 1 << 20)
        running = asyncio.ensure_future(idle.run())
        await until(lambda: not segments(tmp_path), "the leftover is shipped")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await images(storage) == 7
        assert not idle.is_on
        await storage.close()

    asyncio.run(run())


def test_the_last_events_are_shipped_when_the_server_stops(
    tmp_path: Path, location: Location
) -> None:
    async def run() -> None:
        storage = Storage(location)
        usage = counting(tmp_path, storage, Clock())
        running = asyncio.ensure_future(usage.run())
        await until(lambda: storage.state == "open", "the database is open")
        count(usage, 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await images(storage) == 2
        assert segments(tmp_path) == []
        await storage.close()

    asyncio.run(run())


def test_old_events_are_deleted_now_and_then(tmp_path: Path, location: Location) -> None:
    async def run() -> None:
        storage, clock = Storage(location), Clock()
        usage = counting(tmp_path, storage, clock)
        count(usage)
        await usage.ship()
        clock.now += 91 * 86_400
        await usage.ship()
        async with (await storage.open()).read() as connection:
            events = (await connection.execute(USAGE_EVENT.select())).all()
        assert events == []
        assert await images(storage) == 1
        await storage.close()

    asyncio.run(run())
