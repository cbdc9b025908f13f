"""Transactions, and what happens when the database is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server.database.database import Database
from server.database.location import Location, locate
from server.database.schema import upgrade
from server.database.storage import Storage, StorageError, check_folder
from server.database.tables import EPOCH
from server.errors import StorageUnavailable
from tests.support.databases import opened
from tests.support.postgresql import PostgreSQL


async def add_one(database: Database) -> None:
    """Read and write in one transaction, as two users of a counter would."""
    async with database.write() as connection:
        value: int = (
            await connection.execute(select(EPOCH.c.value).with_for_update())
        ).scalar_one()
        await asyncio.sleep(0)
        await connection.execute(EPOCH.update().values(value=value + 1))


async def put(database: Database, value: int, error: Exception | None = None) -> None:
    """Insert the counter; then raise the error, if any, within the transaction."""
    async with database.write() as connection:
        await connection.execute(EPOCH.insert().values(name="keys", value=value))
        if error is not None:
            raise error


async def change_and_move(database: Database, folder: Path) -> None:
    """Move the file while a transaction changes it."""
    async with database.write() as connection:
        await connection.execute(EPOCH.update().values(value=2))
        (folder / "ocr.sqlite3").rename(folder / "moved")


async def value_of(database: Database) -> int:
    async with database.read() as connection:
        found: int = (await connection.execute(select(EPOCH.c.value))).scalar_one()
        return found


def test_concurrent_writers_lose_no_update(location: Location) -> None:
    async def run() -> int:
        async for first in opened(location):
            async for second in opened(location):
                async with first.write() as connection:
                    await connection.execute(EPOCH.insert().values(name="keys", value=0))
                await asyncio.gather(*(add_one(each) for each in (first, second) * 20))
                return await value_of(second)
        raise AssertionError

    assert asyncio.run(run()) == 40


def test_an_error_rolls_the_transaction_back(location: Location) -> None:
    async def run() -> int:
        async for database in opened(location):
            with pytest.raises(RuntimeError):
                await put(database, 1, RuntimeError())
            await put(database, 2)
            with pytest.raises(IntegrityError):
                await put(database, 3)
            return await value_of(database)
        raise AssertionError

    assert asyncio.run(run()) == 2


def test_a_stopped_server_is_unavailable_and_works_again_after_a_restart(
    postgresql: PostgreSQL,
    tmp_path: Path,
) -> None:
    async def run() -> None:
        location = locate(postgresql.create_database("restarted"), tmp_path)
        upgrade(location)
        async for database in opened(location):
            async with database.write() as connection:
                await connection.execute(EPOCH.insert().values(name="keys", value=7))
            postgresql.stop()
            with pytest.raises(StorageUnavailable):
                await value_of(database)
            postgresql.start()
            assert await value_of(database) == 7

    asyncio.run(run())


def test_a_storage_that_failed_to_open_can_be_opened_later(tmp_path: Path) -> None:
    async def run() -> None:
        blocked = tmp_path / "state"
        blocked.touch()
        storage = Storage(locate(None, blocked))
        assert not storage.in_use()
        with pytest.raises(StorageError, match="state folder"):
            await storage.open()
        seen = [storage.state]
        blocked.unlink()
        await storage.open()
        assert [*seen, storage.state] == ["unavailable", "open"]
        assert storage.in_use()
        await storage.close()

    asyncio.run(run())


def test_a_folder_on_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.database.storage.network_file_system", lambda path, mounts: "nfs4")
    with pytest.raises(StorageError, match=r"network file system \(nfs4\)"):
        check_folder(tmp_path)


def test_a_file_that_is_deleted_before_the_commit_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        storage = Storage(locate(None, tmp_path))
        database = await storage.open()
        await put(database, 1)
        with pytest.raises(StorageUnavailable, match="not where it was"):
            await change_and_move(database, tmp_path)
        assert (storage.state, "was deleted" in storage.problem) == ("unavailable", True)
        with pytest.raises(StorageUnavailable):
            await value_of(database)
        (tmp_path / "moved").rename(tmp_path / "ocr.sqlite3")
        assert (storage.state, storage.problem) == ("open", "")
        assert await value_of(database) == 2  # committed: the error says only that it is not sure
        await storage.close()

    asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_cancelled_transaction_leaves_no_lock(location: Location) -> None:
    """As when a client disconnects; on SQLite a thread continues the statement."""

    async def run() -> None:
        async for database in opened(location):
            await put(database, 0)
            for moment in range(150):
                works = (add_one(database), add_one(database), value_of(database))
                tasks = [asyncio.ensure_future(work) for work in works]
                for _ in range(moment % 50):  # cancelled after so many turns of the loop
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                async with asyncio.timeout(5):
                    await add_one(database)

    asyncio.run(run())
