"""Objects are read once, and their results put, whatever fails in between."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.database.database import Database
from server.database.location import locate
from server.database.schema import upgrade
from server.formats.rendering import Rendering
from server.objects import work as work_module
from server.objects.found import Found
from server.objects.ledger import LEASE_SECONDS, Ledger
from server.objects.routes import Route
from server.objects.search import search
from server.objects.work import MAX_DEATHS, ObjectWork
from tests.support.databases import opened
from tests.support.objects import MemorySink, MemorySource, Recital
from tests.support.wards import Clock, until


@dataclass
class Place:
    """A ledger with a source, a place for results, and a recognition."""

    database: Database
    source: MemorySource = field(default_factory=MemorySource)
    sink: MemorySink = field(default_factory=MemorySink)
    recital: Recital = field(default_factory=Recital)
    clock: Clock = field(default_factory=Clock)

    def ledger(self) -> Ledger:
        """The ledger, as of another process."""
        return Ledger(self.database, "a", self.clock)

    @contextlib.asynccontextmanager
    async def working(self, room: int = 3, again: bool = False) -> AsyncIterator[ObjectWork]:
        """A process that works on the objects."""
        work = ObjectWork(
            self.ledger(),
            {self.source.name: Route(self.source, [self.sink])},
            self.recital,
            Rendering(),
            lambda: room,
            again,
        )
        running = asyncio.ensure_future(work.run())
        try:
            yield work
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def search(self) -> int:
        """Note what is there."""
        return await search(self.ledger(), [self.source])

    async def finished(self) -> None:
        """Wait until nothing is pending; the time passes quickly."""
        while (await self.ledger().pending()).total:
            self.clock.now += 1
            await asyncio.sleep(0.01)

    async def read(self) -> dict[str, str]:
        """Search, and read everything; the texts by key."""
        await self.search()
        async with self.working():
            await self.finished()
        return self.sink.texts()


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(work_module, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(work_module, "STOP_SECONDS", 0.1)


@pytest.fixture
def at(tmp_path: Path) -> Callable[[Callable[[Place], Coroutine[Any, Any, None]]], None]:
    """Runs a test with a place on an empty database."""
    location = locate(None, tmp_path)
    upgrade(location)

    def run(test: Callable[[Place], Coroutine[Any, Any, None]]) -> None:
        async def with_place() -> None:
            async for database in opened(location):
                await asyncio.wait_for(test(Place(database)), 30)

        asyncio.run(with_place())

    return run


At = Callable[[Callable[[Place], Coroutine[Any, Any, None]]], None]


def test_every_object_has_a_result_with_its_version(at: At) -> None:
    async def test(place: Place) -> None:
        for number in range(20):
            place.source.put(f"in/{number}.png", f"text {number}", f"etag {number}")
        texts = await place.read()
        assert texts == {f"in/{number}.png": f"text {number}" for number in range(20)}
        assert sorted(place.recital.read) == sorted(texts.values())
        record = json.loads(place.sink.results["in/7.png"].body)
        assert {name: record[name] for name in ("source", "key", "etag", "status", "md5")} == {
            "source": "s3://scans",
            "key": "in/7.png",
            "etag": "etag 7",
            "status": "success",
            "md5": "0" * 32,
        }
        assert record["data"]["text"] == "text 7"

    at(test)


def test_what_is_finished_is_not_read_again(at: At) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.read()
        place.source.put("b", "two")
        await place.read()
        assert place.recital.read == ["one", "two"]

    at(test)


def test_a_new_version_replaces_the_result_of_the_old_one(at: At) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.read()
        place.source.put("a", "two")
        assert await place.read() == {"a": "two"}
        place.source.put("a", "one")  # the same bytes as at first
        assert await place.read() == {"a": "one"}
        assert place.sink.again == [False, True, True]

    at(test)


def test_an_event_about_what_was_read_costs_a_look_only(at: At) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.read()
        ledger = place.ledger()
        await ledger.note([Found("s3://scans", "a", "an old etag")])
        async with place.working():
            await place.finished()
        assert (place.recital.read, place.sink.puts) == (["one"], [("a", "etag of one")])

    at(test)


def test_a_version_that_comes_while_the_old_one_is_read_is_the_last_result(at: At) -> None:
    async def test(place: Place) -> None:
        gate = place.recital.gates["one"] = asyncio.Event()
        place.source.put("a", "one")
        await place.search()
        async with place.working():
            await until(lambda: place.recital.read == ["one"])
            await place.ledger().note([place.source.put("a", "two")])
            gate.set()
            await place.finished()
        assert place.sink.texts() == {"a": "two"}
        assert place.sink.puts[-1] == ("a", "etag of two")

    at(test)


def test_an_image_that_cannot_be_read_has_an_error_and_is_not_read_again(at: At) -> None:
    async def test(place: Place) -> None:
        place.recital.fail("broken", "invalid_image", times=9)
        place.source.put("a", "broken")
        place.source.put("b", "good")
        assert await place.read() == {"a": "invalid_image", "b": "good"}
        await place.read()
        assert sorted(place.recital.read) == ["broken", "good"]
        result = place.sink.results["a"]
        assert (result.suffix, result.media_type.partition(";")[0]) == (
            ".error.json",
            "application/json",
        )
        assert json.loads(result.body) == {
            "source": "s3://scans",
            "key": "a",
            "etag": "etag of broken",
            "status": "error",
            "error": {"code": "invalid_image", "message": "because of invalid_image"},
        }

    at(test)


def test_the_result_of_a_mended_image_replaces_its_error(at: At) -> None:
    async def test(place: Place) -> None:
        place.recital.fail("broken", "invalid_image")
        place.source.put("a", "broken")
        await place.read()
        assert not place.sink.results["a"].replaces_error
        place.source.put("a", "mended")
        assert await place.read() == {"a": "mended"}
        assert place.sink.results["a"].replaces_error

    at(test)


@pytest.mark.parametrize(("times", "text"), [(2, "unlucky"), (3, "worker_crashed")])
def test_a_reading_that_may_succeed_later_is_tried_three_times(
    at: At, times: int, text: str
) -> None:
    async def test(place: Place) -> None:
        place.recital.fail("unlucky", "worker_crashed", times)
        place.source.put("a", "unlucky")
        assert await place.read() == {"a": text}
        assert len(place.recital.read) == 3

    at(test)


def test_an_object_waits_while_the_queue_is_full_and_nothing_is_counted(at: At) -> None:
    async def test(place: Place) -> None:
        place.recital.fail("patient", "queue_full", times=8)
        place.source.put("a", "patient")
        assert await place.read() == {"a": "patient"}

    at(test)


def test_an_unexpected_error_is_an_error_of_the_server(
    at: At, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(place: Place) -> None:
        place.recital.errors["odd"] = [ZeroDivisionError() for _ in range(3)]
        place.source.put("a", "odd")
        assert await place.read() == {"a": "internal_error"}

    at(test)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("away", ["source", "sink"])
def test_objects_wait_while_a_store_is_away(at: At, away: str) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.search()
        getattr(place, away).away = True
        async with place.working() as work:
            await until(lambda: work.problem != "")
            assert place.sink.puts == []
            getattr(place, away).away = False
            await place.finished()
        assert place.sink.texts() == {"a": "one"}

    at(test)


def test_an_object_that_was_deleted_meanwhile_has_no_result(at: At) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.search()
        del place.source.objects["a"]
        async with place.working() as work:
            await place.finished()
            assert work.finished == {"gone": 1}
        assert place.sink.puts == []

    at(test)


def test_a_result_that_was_put_before_a_crash_is_not_made_again(at: At) -> None:
    """The process died after it had put the result, and before it wrote that down."""

    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.search()
        dead = place.ledger()
        await dead.take(1, ())
        async with place.working():
            place.clock.now += LEASE_SECONDS + 1
            await place.finished()
        assert place.recital.read == ["one"]
        await place.ledger().note([place.source.event("a")], again=True)
        async with place.working():  # the ledger does not know the version, the place does
            await place.finished()
        assert place.recital.read == ["one"]

    at(test)


def test_everything_is_read_again_if_that_is_asked_for(at: At) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "one")
        await place.read()
        await place.ledger().note([place.source.event("a")], again=True)
        async with place.working(again=True):
            await place.finished()
        assert place.recital.read == ["one", "one"]

    at(test)


def test_an_object_that_ends_every_process_is_given_up(at: At) -> None:
    async def test(place: Place) -> None:
        place.source.put("a", "deadly")
        await place.search()
        for _ in range(MAX_DEATHS + 1):
            assert len(await place.ledger().take(1, ())) == 1
            place.clock.now += LEASE_SECONDS + 1
        async with place.working():
            await place.finished()
        assert place.sink.texts() == {"a": "worker_crashed"}
        assert place.recital.read == []

    at(test)


def test_a_process_that_stops_leaves_its_objects_to_the_next_one(at: At) -> None:
    async def test(place: Place) -> None:
        place.recital.gates["slow"] = asyncio.Event()
        place.source.put("a", "slow")
        await place.search()
        async with place.working():
            await until(lambda: place.recital.read == ["slow"])
        assert (await place.ledger().pending()).ready == 1
        place.recital.gates.clear()
        async with place.working():
            await place.finished()
        assert place.sink.puts == [("a", "etag of slow")]

    at(test)


def test_a_process_that_was_frozen_does_not_put_an_old_result(at: At) -> None:
    """It read the first version, lost its lease, and wakes up after the second one was read."""

    async def test(place: Place) -> None:
        gate = place.recital.gates["old"] = asyncio.Event()
        place.source.put("a", "old")
        await place.search()
        first = place.ledger()
        (row,) = await first.take(1, ())
        await first.put_off(row, 0)  # so that its next attempt is not the first
        async with place.working() as frozen:
            await until(lambda: place.recital.read == ["old"])
            await place.ledger().note([place.source.put("a", "new")])
            assert not frozen.idle()
            gate.set()
            await place.finished()
        assert place.sink.puts == [("a", "etag of new")]

    at(test)


def test_no_more_is_taken_than_there_is_room_for(at: At) -> None:
    async def test(place: Place) -> None:
        gate = asyncio.Event()
        for number in range(5):
            place.source.put(f"{number}", f"{number}")
            place.recital.gates[f"{number}"] = gate
        await place.search()
        async with place.working(room=2):
            await until(lambda: len(place.recital.read) == 2)
            pending = await place.ledger().pending()
            assert (pending.leased, pending.ready) == (2, 3)
            gate.set()
            await place.finished()
        assert len(place.sink.puts) == 5

    at(test)
