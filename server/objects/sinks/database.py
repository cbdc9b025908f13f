"""Results as rows in the table storage_result of the database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sqlalchemy import select

from server.database.database import Database
from server.database.tables import STORAGE_RESULT
from server.formats.json_text import dump
from server.objects.result import ObjectResult, Version


class DatabaseSink:
    """See Sink. Each object has one row, with the result of its newest version."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def has(self, version: Version) -> bool:
        """See Sink."""
        query = select(STORAGE_RESULT.c.etag).where(
            STORAGE_RESULT.c.id == _row_id(version), STORAGE_RESULT.c.status == "success"
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none() == version.etag

    async def put(self, result: ObjectResult, again: bool) -> None:
        """See Sink."""
        version = result.version
        row = {
            "id": _row_id(version),
            "source": version.source,
            "key": version.key,
            "etag": version.etag,
            "status": "error" if result.failed else "success",
            "text": _storable(result.text),
            "result": _storable(dump(result.record).decode()),
            "made_at": self._clock(),
        }
        statement = self._database.insert(STORAGE_RESULT).values(row)
        changed = {name: statement.excluded[name] for name in row if name != "id"}
        statement = statement.on_conflict_do_update(
            index_elements=[STORAGE_RESULT.c.id], set_=changed
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    def close(self) -> None:
        """See Sink: nothing is open."""


def _row_id(version: Version) -> str:
    return hashlib.sha256(f"{version.source}\0{version.key}".encode()).hexdigest()


def _storable(text: str) -> str:
    """Text that PostgreSQL accepts: without lone surrogates and the character NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
