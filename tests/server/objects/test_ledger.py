"""The ledger on SQLite and PostgreSQL: each version once, leases, and versions that change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from server.database.database import Database
from server.database.location import Location
from server.objects.events import comparable
from server.objects.found import Found
from server.objects.ledger import LEASE_SECONDS, ROWS_AT_ONCE, Ledger, ObjectRow, Pending
from tests.support.databases import opened
from tests.support.wards import Clock

DEAD = LEASE_SECONDS + 1


def found(key: str, etag: str = "1", sequencer: str | None = None) -> Found:
    order = None if sequencer is None else comparable(sequencer)
    return Found("s3://scans", key, etag, 7, sequencer=order)


def on(location: Location, test: Callable[[Database, Clock], Coroutine[Any, Any, None]]) -> None:
    """Run a test with an open database."""

    async def run() -> None:
        async for database in opened(location):
            await asyncio.wait_for(test(database, Clock()), 30)

    asyncio.run(run())


async def taken(ledger: Ledger, limit: int = 10) -> dict[str, ObjectRow]:
    """The rows that can be taken now, by key."""
    return {row.key: row for row in await ledger.take(limit, ())}


def test_an_object_is_noted_once_however_often_it_is_found(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        assert await ledger.note([found("a"), found("b")]) == 2
        assert await ledger.note([found("a"), found("b"), found("c")]) == 1
        assert sorted(await taken(ledger)) == ["a", "b", "c"]
        assert await taken(ledger) == {}

    on(location, test)


def test_two_processes_never_take_the_same_object(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledgers = [Ledger(database, "a", clock) for _ in range(3)]
        await ledgers[0].note([found(str(n)) for n in range(50)])
        takes = await asyncio.gather(*(each.take(30, ()) for each in ledgers))
        keys = [row.key for rows in takes for row in rows]
        assert len(keys) == len(set(keys))
        rest = [row.key for each in ledgers for row in await each.take(50, ())]
        assert sorted(keys + rest) == sorted(str(n) for n in range(50))

    on(location, test)


def test_objects_of_another_ledger_are_others(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        one, other = Ledger(database, "a", clock), Ledger(database, "b", clock)
        await one.note([found("a")])
        assert await other.note([found("a")]) == 1
        (row,) = (await taken(one)).values()
        await one.finish(row, "done", "1")
        assert list(await taken(other)) == ["a"]

    on(location, test)


def test_a_finished_version_stays_finished_and_a_new_one_waits_again(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a", "1")])
        await ledger.finish((await taken(ledger))["a"], "done", "1")
        assert await ledger.note([found("a", "1")]) == 0
        assert await ledger.note([found("a", "2")]) == 1
        row = (await taken(ledger))["a"]
        assert (row.etag, row.finished_etag, row.attempts) == ("2", "1", 2)
        await ledger.finish(row, "failed", "2", "invalid_image")
        assert await ledger.note([found("a", "2")]) == 0
        assert await ledger.note([found("a", "1")]) == 1  # the first version is back

    on(location, test)


def test_a_version_that_comes_while_another_is_read_is_not_forgotten(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a", "1")])
        row = (await taken(ledger))["a"]
        await ledger.note([found("a", "2")])
        assert await taken(ledger) == {}  # its lease is not over
        await ledger.finish(row, "done", "1")
        again = (await taken(ledger))["a"]
        assert (again.etag, again.finished_etag) == ("2", "1")

    on(location, test)


def test_an_older_event_changes_nothing(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a", "2", sequencer="0100")])
        assert await ledger.note([found("a", "1", sequencer="FF")]) == 0
        assert await ledger.note([found("a", "3", sequencer="0101")]) == 1
        assert (await taken(ledger))["a"].etag == "3"

    on(location, test)


def test_an_event_without_a_version_is_looked_at_again(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a", "")])
        row = (await taken(ledger))["a"]
        await ledger.note([found("a", "")])  # perhaps about a newer version
        await ledger.finish(row, "done", "1")
        again = (await taken(ledger))["a"]
        await ledger.finish(again, "done", "1")
        assert await ledger.note([found("a", "1")]) == 0
        assert (await ledger.pending()).total == 0

    on(location, test)


def test_an_object_that_was_gone_is_read_when_it_is_back(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a", "1")])
        await ledger.finish((await taken(ledger))["a"], "gone", "")
        assert await ledger.note([found("a", "1")]) == 1

    on(location, test)


def test_the_object_of_a_dead_process_is_taken_by_another(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        dead, alive = Ledger(database, "a", clock), Ledger(database, "a", clock)
        await dead.note([found("a")])
        row = (await taken(dead))["a"]
        clock.now += LEASE_SECONDS - 1
        assert await dead.renew([row.id]) == {row.id}
        clock.now += LEASE_SECONDS - 1
        assert await taken(alive) == {}
        clock.now += DEAD
        again = (await taken(alive))["a"]
        assert (again.attempts, again.failures) == (2, 1)
        assert await dead.renew([row.id]) == set()
        await dead.finish(row, "done", "1")  # too late: nothing happens
        assert (await alive.pending()).total == 1
        await alive.finish(again, "done", "1")
        assert (await alive.pending()).total == 0

    on(location, test)


def test_an_object_that_is_put_off_waits(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a"), found("b"), found("c")])
        rows = await taken(ledger, 2)
        assert await ledger.pending() == Pending(total=3, ready=1, leased=2)
        first, second = rows
        await ledger.put_off(rows[first], 60, failed=True)
        await ledger.release([rows[second].id])
        assert await ledger.pending() == Pending(total=3, ready=2, leased=0)
        assert first not in await taken(ledger)
        clock.now += 61
        assert (await taken(ledger))[first].failures == 1

    on(location, test)


def test_what_belongs_to_the_end_is_done_with_it_or_not_at_all(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger, late = Ledger(database, "a", clock), Ledger(database, "a", clock)
        calls = []

        async def within(*_: object) -> None:
            calls.append("done")

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        await ledger.note([found("a")])
        row = (await taken(ledger))["a"]
        with pytest.raises(ZeroDivisionError):
            await ledger.finish(row, "done", "1", within=broken)
        assert (await ledger.pending()).total == 1
        await late.finish(row, "done", "1", within=within)
        assert calls == []
        await ledger.finish(row, "done", "1", within=within)
        assert (calls, await ledger.states([row.id])) == (["done"], ["done"])

    on(location, test)


def test_everything_is_read_again_if_that_is_asked_for(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        await ledger.note([found("a")])
        await ledger.finish((await taken(ledger))["a"], "done", "1")
        assert await ledger.note([found("a")], again=True) == 1
        assert (await taken(ledger))["a"].finished_etag is None

    on(location, test)


def test_a_long_listing_is_noted_in_pieces(location: Location) -> None:
    async def test(database: Database, clock: Clock) -> None:
        ledger = Ledger(database, "a", clock)
        several = [found(f"a long key {n} " + "x" * 2000) for n in range(ROWS_AT_ONCE + 1)]
        assert await ledger.note(several) == ROWS_AT_ONCE + 1
        assert await ledger.note(several) == 0

    on(location, test)
