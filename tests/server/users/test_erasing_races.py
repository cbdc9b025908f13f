"""A user is erased while transactions that add something of the user are in progress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.location import Location
from server.database.storage import Storage
from server.database.tables import DELIVERY, ERASED, JOB, METADATA
from server.errors import KeyInvalid
from server.jobs.idempotency import IdempotencyKeys
from server.jobs.rows import End, EndedJob, JobRows, Limits
from server.users.erasing import AfterCommit, erase_user
from server.users.journal import Event
from server.users.leases import Leases
from server.users.usage_store import ship
from server.webhooks.deliveries import enqueue
from tests.support.keys import NOW, add_key

DAY = "2026-11-30"
OF_USERS = [each for each in METADATA.sorted_tables if "user" in each.c and each is not ERASED]

Work = Callable[[Database, str], Awaitable[object]]


class Gate:
    """Holds a transaction open until told to continue."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, *_: Any) -> None:
        self.reached.set()
        await self.go.wait()


async def announce(database: Database, connection: AsyncConnection, ended: EndedJob) -> None:
    """As the jobs do it, for every end."""
    row = ended.row
    await enqueue(database, connection, user=row.user, url="http://a", body="{}", job_id=row.id)


def job_rows(database: Database, *hooks: Any) -> JobRows:
    return JobRows(database, Limits(10, 1 << 20), 60.0, lambda: NOW, (announce, *hooks))


def job_of(user: str) -> dict[str, Any]:
    """The columns of a job that depend on its request."""
    texts = dict.fromkeys(("format", "input_blob", "md5", "sha256"), "x")
    rest = {"weight": 1.0, "priority": 0, "input_bytes": 1, "request": "{}"}
    return {"user": user, **rest, **texts}


async def end_job(database: Database, user: str, *hooks: Any) -> None:
    """End the user's only job, which is there before."""
    rows = job_rows(database, *hooks)
    async with database.write() as connection:
        await rows.end(connection, JOB.c.user == user, End("done"))


async def insert_job(database: Database, user: str) -> None:
    await job_rows(database).insert(job_of(user))


async def claim(database: Database, user: str) -> None:
    await IdempotencyKeys(database, lambda: NOW).claim(user, "a key", "a request")


async def count(database: Database, user: str) -> None:
    await ship(database, [Event("e", user, NOW, DAY, 1, 1, 0, 0.0, 1, "")])


async def lease(database: Database, user: str) -> None:
    await Leases(database, "a process").take("l", user, DAY, 100, 1)


async def left_of(database: Database, user: str) -> dict[str, int]:
    """How many rows of the user there are, by table."""
    counts = {}
    async with database.read() as connection:
        for table in OF_USERS:
            asked = select(func.count()).select_from(table).where(table.c.user == user)
            counts[table.name] = (await connection.execute(asked)).scalar_one()
    return {name: number for name, number in counts.items() if number}


async def is_blocked(database: Database) -> bool:
    """Whether a transaction waits for another one."""
    if database.kind == "sqlite":
        return bool(database._writing and database._writing._waiters)
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with database.read() as connection:
        return bool((await connection.execute(waiting)).scalar_one())


async def blocked_or_done(database: Database, work: asyncio.Future[Any]) -> None:
    """Wait until the work waits for a lock, or has not had to."""
    async with asyncio.timeout(10):
        while not work.done() and not await is_blocked(database):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("ends", [False, True], ids=["accepted", "ends"])
def test_a_job_whose_transaction_is_open_when_its_user_is_erased(
    location: Location, ends: bool
) -> None:
    async def run() -> None:
        storage = Storage(location)
        database = await storage.open()
        user = (await add_key(storage))[0].key_id
        gate = Gate()
        adding: asyncio.Future[Any]
        if ends:
            await insert_job(database, user)
            adding = asyncio.ensure_future(end_job(database, user, gate))
        else:
            adding = asyncio.ensure_future(job_rows(database).insert(job_of(user), gate))
        await gate.reached.wait()
        erasing = asyncio.ensure_future(erase_user(database, user, NOW))
        await blocked_or_done(database, erasing)
        gate.go.set()
        await asyncio.gather(adding, erasing)
        assert await left_of(database, user) == {}
        await storage.close()

    asyncio.run(run())


async def erasing_up_to(gate: Gate, database: Database, user: str) -> asyncio.Future[None]:
    """The erasing of a user, which has locked the key and waits at the gate."""

    async def eraser(connection: AsyncConnection, user: str) -> Sequence[AfterCommit]:
        await gate()
        return []

    erasing = asyncio.ensure_future(erase_user(database, user, NOW, [eraser]))
    await gate.reached.wait()
    return erasing


@pytest.mark.parametrize("add", [insert_job, claim, count, lease])
def test_what_comes_while_the_user_is_being_erased(location: Location, add: Work) -> None:
    async def run() -> None:
        storage = Storage(location)
        database = await storage.open()
        user = (await add_key(storage))[0].key_id
        gate = Gate()
        erasing = await erasing_up_to(gate, database, user)
        adding = asyncio.ensure_future(add(database, user))
        await blocked_or_done(database, adding)
        gate.go.set()
        await erasing
        if add is count:
            await adding
        else:
            with pytest.raises(KeyInvalid):
                await adding
        assert await left_of(database, user) == {}
        await storage.close()

    asyncio.run(run())


def test_the_end_of_a_job_and_erasing_do_not_wait_for_each_other(location: Location) -> None:
    """The end of a job holds the user before it locks the job; otherwise both would wait."""

    async def run() -> None:
        storage = Storage(location)
        database = await storage.open()
        user = (await add_key(storage))[0].key_id
        await insert_job(database, user)
        gate = Gate()
        erasing = await erasing_up_to(gate, database, user)
        ending = asyncio.ensure_future(end_job(database, user))
        await blocked_or_done(database, ending)
        gate.go.set()
        await asyncio.gather(erasing, ending)
        assert await left_of(database, user) == {}
        async with database.read() as connection:
            assert (await connection.execute(select(DELIVERY))).all() == []
        await storage.close()

    asyncio.run(run())


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)  # SQLite has one writer
def test_others_are_not_held_up_by_an_open_transaction(location: Location) -> None:
    async def run() -> None:
        storage = Storage(location)
        database = await storage.open()
        first, second = [(await add_key(storage))[0].key_id for _ in range(2)]
        gate = Gate()
        adding = asyncio.ensure_future(job_rows(database).insert(job_of(first), gate))
        await gate.reached.wait()
        async with asyncio.timeout(10):
            await insert_job(database, first)  # the same user: the lock is shared
            await erase_user(database, second, NOW)
        gate.go.set()
        await adding
        assert await left_of(database, first) == {"job": 2}
        await storage.close()

    asyncio.run(run())
