"""The daily quota: exact over several processes, on SQLite and PostgreSQL.

A process is an object here; tests/faults/test_quotas.py has real ones.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from server.database.location import Location
from server.database.storage import Storage
from server.database.tables import QUOTA_DAY, QUOTA_LEASE
from server.errors import QuotaExceeded, StorageUnavailable
from server.users.days import Days
from server.users.lease_journal import LeaseJournal, journals
from server.users.lease_upkeep import IDLE_SECONDS
from server.users.quota import Quota
from tests.support.databases import location, postgresql

__all__ = ["location", "postgresql"]

DAY = 86_400.0
USER = "abcd1234"
DATE = "2026-11-30"
NOON = 1_796_040_000.0


class Clock:
    """Unix time."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Processes:
    """Several processes with one database and one state folder."""

    def __init__(self, location: Location, folder: Path) -> None:
        self.clock = Clock()
        self.folder = folder / "leases"
        self.storage = Storage(location)
        self._running: dict[Quota, asyncio.Task[None]] = {}

    def start(self, tended: bool = True) -> Quota:
        """A process; tended: it gives back what it does not use."""
        quota = Quota(self.storage, self.folder, Days(clock=self.clock), self.clock, self._pause)
        if tended:
            self._running[quota] = asyncio.ensure_future(quota.run())
        return quota

    async def kill(self, quota: Quota) -> None:
        """kill -9: nothing is given back, and the kernel releases the lock."""
        await self._end(quota)
        _, journal = await quota._book.open()
        assert isinstance(journal, LeaseJournal)
        fcntl.flock(journal._descriptor, fcntl.LOCK_UN)

    async def stop(self, quota: Quota) -> None:
        """SIGTERM."""
        await self._end(quota)

    async def used(self) -> int:
        """What the database says is used today."""
        database = await self.storage.open()
        async with database.read() as connection:
            asked = select(QUOTA_DAY.c.used).where(
                QUOTA_DAY.c.day == Days(clock=self.clock).today()
            )
            return int((await connection.execute(asked)).scalar() or 0)

    async def leases(self) -> int:
        """How many rows of leases there are."""
        database = await self.storage.open()
        async with database.read() as connection:
            return len((await connection.execute(select(QUOTA_LEASE))).all())

    async def _end(self, quota: Quota) -> None:
        task = self._running.pop(quota, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))  # as the clock does not go by itself


async def accept(quota: Quota, limit: int) -> bool:
    """One request that is answered, as a handler does it."""
    try:
        lease = quota.try_take(USER, limit) or await quota.take(USER, limit)
    except QuotaExceeded:
        return False
    await asyncio.sleep(0)
    lease.spend()
    return True


async def accepted(limit: int, *requests: tuple[Quota, int]) -> int:
    """How many of so many requests concurrently are accepted."""
    asked = [accept(quota, limit) for quota, number in requests for _ in range(number)]
    return sum(await asyncio.gather(*asked))


Body = Callable[[Processes], Coroutine[Any, Any, None]]


@pytest.fixture
def run(location: Location, tmp_path: Path) -> Callable[[Body], None]:
    """Runs a test with processes."""

    async def begin(body: Body) -> None:
        processes = Processes(location, tmp_path)
        try:
            await body(processes)
        finally:
            for quota in list(processes._running):
                await processes._end(quota)
            await processes.storage.close()

    return lambda body: asyncio.run(begin(body))


def test_of_400_requests_at_once_exactly_the_quota_is_accepted(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        first, second = processes.start(), processes.start()
        assert await accepted(100, (first, 200), (second, 200)) == 100
        assert await processes.used() == 100
        assert await accepted(100, (first, 5), (second, 5)) == 0

    run(body)


def test_a_refusal_waits_for_what_another_process_has_leased(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        idle, busy = processes.start(), processes.start()
        assert await accepted(100, (idle, 1)) == 1  # it leases more than that
        assert await accepted(100, (busy, 200)) == 99

    run(body)


def test_what_a_process_leaves_at_its_end_comes_back(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        first = processes.start()
        assert await accepted(100, (first, 1)) == 1
        await processes.stop(first)
        assert await processes.used() == 1
        assert await processes.leases() == 0 and journals(processes.folder) == []

    run(body)


def test_what_a_killed_process_had_not_spent_comes_back_and_no_more(
    run: Callable[[Body], None],
) -> None:
    async def body(processes: Processes) -> None:
        killed = processes.start(tended=False)
        assert await accepted(1000, (killed, 40)) == 40
        taken = [await killed.take(USER, 1000) for _ in range(3)]  # not answered when it is killed
        assert await processes.used() > 43
        await processes.kill(killed)
        other = processes.start()
        assert await accepted(1000, (other, 1100)) == 960
        assert await processes.used() == 1000
        assert len(taken) == 3

    run(body)


def test_a_process_that_only_stands_still_keeps_what_it_has(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        still, other = processes.start(tended=False), processes.start()
        assert await accepted(100, (still, 1)) == 1
        used = await processes.used()
        processes.clock.now += 3600
        assert await accepted(100, (other, 100)) == 100 - used
        assert await accepted(100, (still, 100)) == used - 1  # it wakes up: still not too many
        assert await processes.used() == 100

    run(body)


def test_an_answer_that_does_not_count_is_credited(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start()
        leases = [await quota.take(USER, 3) for _ in range(3)]
        with pytest.raises(QuotaExceeded):
            await quota.take(USER, 3)
        leases[0].spend()
        leases[1].credit()
        leases[2].spend()
        assert await accepted(3, (quota, 5)) == 1

    run(body)


def test_a_quota_begins_again_at_midnight(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        first, second = processes.start(), processes.start()
        processes.clock.now = NOON + DAY / 2 - 1
        assert await accepted(50, (first, 40), (second, 40)) == 50
        with pytest.raises(QuotaExceeded) as caught:
            await first.take(USER, 50)
        assert caught.value.retry_after == 1
        processes.clock.now += 1
        assert await accepted(50, (first, 40), (second, 40)) == 50
        assert await processes.used() == 50

    run(body)


def test_a_lease_of_yesterday_is_not_used_today(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start(tended=False)
        processes.clock.now = NOON + DAY / 2 - 1
        assert await accepted(100, (quota, 1)) == 1
        late = await quota.take(USER, 100)
        processes.clock.now += 1
        late.spend()  # counts for the day on which it was accepted
        assert quota.try_take(USER, 100) is None
        assert await accepted(100, (quota, 120)) == 100
        await quota.close()
        assert await processes.used() == 100 and await processes.leases() == 0

    run(body)


def test_an_idle_lease_is_given_back(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start()
        assert await accepted(1000, (quota, 1)) == 1
        processes.clock.now += IDLE_SECONDS
        for _ in range(500):
            if await processes.used() == 1 and not await processes.leases():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("not given back")

    run(body)


def test_a_refused_user_asks_the_database_twice_a_second_at_most(
    run: Callable[[Body], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start(tended=False)
        assert await accepted(10, (quota, 100)) == 10
        leases, _ = await quota._book.open()
        asked = 0
        take = leases.take

        async def counted(*arguments: Any) -> Any:
            nonlocal asked
            asked += 1
            return await take(*arguments)

        monkeypatch.setattr(leases, "take", counted)
        for _ in range(10):  # 5 s
            assert await accepted(10, (quota, 100)) == 0
            processes.clock.now += 0.5
        assert asked <= 10

    run(body)


def test_most_requests_need_no_database(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start(tended=False)
        for _ in range(1000):
            assert await accept(quota, 100_000)
        assert await processes.leases() <= 17  # 64 at a time

    run(body)


def test_a_changed_limit_is_used_at_once(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start()
        assert await accepted(10, (quota, 20)) == 10
        assert await accepted(15, (quota, 20)) == 5  # raised
        assert await accepted(1000, (quota, 1)) == 1
        assert await processes.used() > 16
        assert await accepted(16, (quota, 20)) == 0  # lowered, with a lease of the higher one

    run(body)


def test_a_lowered_limit_leaves_what_is_not_spent(run: Callable[[Body], None]) -> None:
    """The process has leased 64 under the old limit: they are no reason to refuse the second."""

    async def body(processes: Processes) -> None:
        quota = processes.start(tended=False)
        assert await accepted(1000, (quota, 1)) == 1
        assert await processes.used() > 3
        assert await accepted(3, (quota, 5)) == 2
        assert await processes.used() == 3

    run(body)


def test_the_standing_tells_what_is_left(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start(tended=False)
        assert quota.standing(USER, 100).left == 100
        assert await accepted(100, (quota, 30)) == 30
        standing = quota.standing(USER, 100)
        assert (standing.left, standing.window, standing.resets_in) == (70, DAY, DAY / 2)
        assert await quota.left_today(USER, 100) == 70

    run(body)


def test_a_commit_that_may_have_happened_is_cleared_up(
    run: Callable[[Body], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(processes: Processes) -> None:
        quota = processes.start()
        leases, _ = await quota._book.open()
        take, shrink = leases.take, leases.shrink

        async def lost(function: Callable[..., Any], *arguments: Any) -> None:
            await function(*arguments)
            raise StorageUnavailable("the connection broke during the commit")

        monkeypatch.setattr(leases, "take", lambda *given: lost(take, *given))
        with pytest.raises(StorageUnavailable):
            await quota.take(USER, 100)
        assert await processes.used() > 0
        monkeypatch.setattr(leases, "take", take)
        for _ in range(500):
            if await processes.used() == 0:
                break
            await asyncio.sleep(0.01)
        assert await accepted(100, (quota, 1)) == 1
        monkeypatch.setattr(leases, "shrink", lambda *given: lost(shrink, *given))
        processes.clock.now += IDLE_SECONDS
        await asyncio.sleep(0.1)
        monkeypatch.setattr(leases, "shrink", shrink)
        assert await accepted(100, (quota, 200)) == 99
        assert await processes.used() == 100

    run(body)


def test_the_rows_of_a_machine_that_crashed_count_as_used(
    run: Callable[[Body], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def body(processes: Processes) -> None:
        from server.users import lease_journal

        killed = processes.start(tended=False)
        assert await accepted(1000, (killed, 1)) == 1
        used = await processes.used()
        await processes.kill(killed)
        other_boot = tmp_path / "boot_id"
        other_boot.write_text("00000000-0000-4000-8000-000000000001\n")
        monkeypatch.setattr(lease_journal, "BOOT_ID", other_boot)
        assert await accepted(1000, (processes.start(), 1100)) == 1000 - used

    run(body)


def test_leases_of_past_days_are_deleted(run: Callable[[Body], None]) -> None:
    async def body(processes: Processes) -> None:
        database = await processes.storage.open()
        await accepted(1000, (processes.start(tended=False), 1))
        async with database.write() as connection:
            await connection.execute(update(QUOTA_LEASE).values(day="2026-01-01", owner="gone"))
        quota = processes.start()
        await accepted(1000, (quota, 1))
        for _ in range(500):
            if await processes.leases() == 1:  # of the other process
                return
            await asyncio.sleep(0.01)
        raise AssertionError("not deleted")

    run(body)
