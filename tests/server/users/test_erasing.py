"""Erasing a user leaves nothing of the user, and everything of others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.location import Location, locate
from server.database.storage import Storage
from server.database.tables import ERASED, KEY, METADATA
from server.errors import NotFound, StorageUnavailable
from server.users.erasing import ERASED_SECONDS, AfterCommit, erase_user
from server.webhooks.deliveries import enqueue
from tests.support.keys import NOW, add_key

WITH_USER = [table for table in METADATA.sorted_tables if "user" in table.c and table is not ERASED]


def row_of(table: Any, user: str) -> dict[str, Any]:
    """A row of any table; every value is made from the type of its column."""
    values: dict[str, Any] = {}
    for column in table.c:
        if column.name == "user":
            values["user"] = user
        elif not column.nullable:
            kind = column.type.python_type
            length = getattr(column.type, "length", None)
            values[column.name] = f"{table.name}{user}"[-length:] if length else kind()
    return values


async def rows(storage: Storage) -> dict[str, int]:
    database = await storage.open()
    async with database.read() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar()
            or 0
            for table in METADATA.sorted_tables
        }


def test_nothing_of_the_user_is_left(location: Location) -> None:
    async def run() -> None:
        storage = Storage(location)
        database = await storage.open()
        await add_key(storage, label="another")
        before = await rows(storage)
        record, _ = await add_key(storage)
        async with database.write() as connection:
            for table in WITH_USER:
                await connection.execute(table.insert().values(row_of(table, record.key_id)))
        calls: list[str] = []

        async def eraser(connection: AsyncConnection, user: str) -> Sequence[AfterCommit]:
            job = METADATA.tables["job"]
            found = await connection.execute(select(job.c.id).where(job.c.user == user))
            calls.append(f"rows are still there: {len(found.all())}")

            async def delete_files() -> None:
                calls.append("committed")

            return [delete_files]

        await erase_user(database, record.key_id, NOW, [eraser])
        after = await rows(storage)
        assert after.pop("erased") == 1
        assert before.pop("erased") == 0
        assert after.pop("epoch") == before.pop("epoch") == 1
        assert after == before
        assert calls == ["rows are still there: 1", "committed"]
        with pytest.raises(NotFound):
            await erase_user(database, record.key_id, NOW)
        other, _ = await add_key(storage)
        await erase_user(database, other.key_id, NOW + ERASED_SECONDS + 1)
        assert (await rows(storage))["erased"] == 1
        await storage.close()

    asyncio.run(run())


def test_no_byte_of_a_deleted_row_is_left_in_the_files_of_sqlite(tmp_path: Path) -> None:
    secret = "a text that nobody else has"

    async def run() -> None:
        storage = Storage(locate(None, tmp_path))
        database = await storage.open()
        user = (await add_key(storage))[0].key_id
        other = (await add_key(storage))[0].key_id
        body = f"{secret}, " * 500  # with pages of its own
        for number in range(60):
            async with database.write() as connection:
                for owner, text in ((user, f"{number} {body}"), (user, secret), (other, "x" * 99)):
                    url = f"http://{number}.example/{text[:40]}"
                    await enqueue(database, connection, user=owner, url=url, body=text)
        assert secret.encode() in files_of(tmp_path)
        await erase_user(database, user, NOW)
        assert secret.encode() not in files_of(tmp_path)
        assert (tmp_path / "ocr.sqlite3-wal").stat().st_size == 0
        assert (await rows(storage))["delivery"] == 60
        await storage.close()

    asyncio.run(run())


def test_a_reader_that_goes_on_keeps_the_log_and_the_operator_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.database.database.BUSY_MILLISECONDS", 10)

    async def run() -> None:
        storage = Storage(locate(None, tmp_path))
        database = await storage.open()
        user = (await add_key(storage))[0].key_id
        async with database.read() as connection:
            await connection.execute(select(KEY))
            await erase_user(database, user, NOW)
        assert f"{user} may still be in the -wal file" in caplog.text
        caplog.clear()
        assert await database.drop_deleted()
        other = (await add_key(storage))[0].key_id
        with monkeypatch.context() as patch:
            patch.setattr(database, "drop_deleted", unavailable)
            await erase_user(database, other, NOW)
        assert f"{other} may still be in the -wal file" in caplog.text
        await storage.close()

    asyncio.run(run())


async def unavailable() -> bool:
    raise StorageUnavailable("the database is busy; try again later")


def files_of(folder: Path) -> bytes:
    """All bytes of the database, its log included."""
    return b"".join(each.read_bytes() for each in sorted(folder.glob("ocr.sqlite3*")))


def test_a_failing_eraser_keeps_everything(location: Location) -> None:
    async def run() -> None:
        storage = Storage(location)
        record, _ = await add_key(storage)
        before = await rows(storage)

        async def eraser(connection: AsyncConnection, user: str) -> Sequence[AfterCommit]:
            raise RuntimeError("the blobs are away")

        with pytest.raises(RuntimeError):
            await erase_user(await storage.open(), record.key_id, NOW, [eraser])
        assert await rows(storage) == before
        await storage.close()

    asyncio.run(run())
