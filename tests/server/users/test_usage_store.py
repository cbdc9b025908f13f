"""Usage in the database: no event counts twice."""

from __future__ import annotations

import asyncio

import pytest

from server.database.database import Database
from server.database.location import Location
from server.users.erasing import erase_user
from server.users.journal import Event
from server.users.key_store import KeyStore
from server.users.usage_store import UsageDay, days, expire, record, ship, users
from tests.support.databases import opened

DAY = "2026-11-29"


def event(name: str, user: str = "anna", day: str = DAY, code: str = "", **changed: float) -> Event:
    images = 0 if code else 1
    made = Event(name, user, 1_796_000_000.5, day, images, images, 0, 0.25, 1000, code)
    return made._replace(**changed)  # type: ignore[arg-type]


async def record_and_fail(database: Database) -> None:
    async with database.write() as connection:
        await record(database, connection, event("a"))
        raise RuntimeError


async def all_days(database: Database, user: str | None = "anna") -> list[UsageDay]:
    return await days(database, user, "2026-01-01", "2026-12-31")


def test_sums_by_user_and_day(location: Location) -> None:
    async def run() -> None:
        async for database in opened(location):
            await ship(database, [event("a"), event("b", cached=1, seconds=0.0)])
            await ship(database, [event("c", code="queue_full", seconds=0.0)])
            await ship(database, [event("d", user="ben"), event("e", day="2026-11-30")])
            assert await all_days(database) == [
                UsageDay(DAY, 2, 2, 1, 0.25, 3000, 1),
                UsageDay("2026-11-30", 1, 1, 0, 0.25, 1000, 0),
            ]
            assert await days(database, "anna", "2026-11-30", "2026-12-01") == [
                UsageDay("2026-11-30", 1, 1, 0, 0.25, 1000, 0)
            ]
            assert (await all_days(database, None))[0] == UsageDay(DAY, 3, 3, 1, 0.5, 4000, 1)
            assert await users(database, DAY, DAY) == {
                "anna": UsageDay("", 2, 2, 1, 0.25, 3000, 1),
                "ben": UsageDay("", 1, 1, 0, 0.25, 1000, 0),
            }

    asyncio.run(run())


def test_an_event_that_is_shipped_again_counts_once(location: Location) -> None:
    async def run() -> None:
        async for database in opened(location):
            await ship(database, [event("a"), event("b"), event("a")])
            await ship(database, [event("b"), event("c")])
            async with database.write() as connection:
                await record(database, connection, event("c"))
            assert await all_days(database) == [UsageDay(DAY, 3, 3, 0, 0.75, 3000, 0)]

    asyncio.run(run())


def test_two_processes_that_ship_the_same_events_count_them_once(location: Location) -> None:
    async def run() -> None:
        async for first in opened(location):
            async for second in opened(location):
                events = [event(f"{number:x}") for number in range(300)]
                await asyncio.gather(
                    *(
                        ship(each, events[at : at + 50])
                        for at in range(0, 300, 50)
                        for each in (first, second)
                    )
                )
                assert [each.images for each in await all_days(first)] == [300]

    asyncio.run(run())


def test_an_event_is_part_of_the_callers_transaction(location: Location) -> None:
    async def run() -> None:
        async for database in opened(location):
            with pytest.raises(RuntimeError):
                await record_and_fail(database)
            assert await all_days(database) == []

    asyncio.run(run())


def test_old_events_are_deleted_and_their_sums_remain(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.users.usage_store.DELETE_ROWS", 2)

    async def run() -> None:
        async for database in opened(location):
            await ship(database, [event(name, day="2026-08-01") for name in "abcde"])
            await ship(database, [event("f")])
            await expire(database, "2026-11-01")
            before = await all_days(database)
            await ship(database, [event("f"), event("a", day="2026-08-01")])  # a is forgotten
            after = await all_days(database)
            assert [each.images for each in before] == [5, 1]
            assert [each.images for each in after] == [6, 1]

    asyncio.run(run())


def test_what_waits_in_a_journal_does_not_bring_an_erased_user_back(location: Location) -> None:
    async def run() -> None:
        async for database in opened(location):
            key, _ = await KeyStore(database).add({"label": "Anna"}, 1_796_000_000.0)
            await ship(database, [event("a", user=key.key_id), event("b", user="ben")])
            await erase_user(database, key.key_id, 1_796_000_000.0)
            await ship(database, [event("c", user=key.key_id), event("d", user="ben")])
            await ship(database, [event("e", user=key.key_id)])
            assert await all_days(database, key.key_id) == []
            assert [day.images for day in await all_days(database, "ben")] == [2]

    asyncio.run(run())
