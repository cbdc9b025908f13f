"""Keys for tests, and the SQL statements that they cause."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from server.database.location import Location
from server.database.storage import Storage
from server.users.key_fields import check_key_fields
from server.users.key_record import KeyRecord
from server.users.key_store import KeyStore

NOW = 1_800_000_000.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def store_of(storage: Storage) -> KeyStore:
    """The keys in a database."""
    return KeyStore(await storage.open())


async def add_key(storage: Storage, now: float = NOW, **fields: Any) -> tuple[KeyRecord, str]:
    """Make a key; the record and the key itself."""
    values = check_key_fields({"label": "of a test", **fields})
    return await (await store_of(storage)).add(values, now)


def add_key_now(location: Location, **fields: Any) -> tuple[KeyRecord, str]:
    """add_key() by another process, as far as the servers are concerned."""

    async def add() -> tuple[KeyRecord, str]:
        storage = Storage(location)
        try:
            return await add_key(storage, time.time(), **fields)
        finally:
            await storage.close()

    return asyncio.run(add())


@contextlib.contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The SQL statements of this process, as they come."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
