"""Databases for tests: each test gets an empty one, on SQLite and on PostgreSQL.

Import the fixtures that a test file uses.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.database.database import Database
from server.database.location import Location, locate
from server.database.schema import upgrade
from server.database.storage import Storage
from tests.support.postgresql import PostgreSQL

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The server, started by the first test that needs it."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A database with the newest schema."""
    if request.param == "sqlite":
        found = locate(None, tmp_path)
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        found = locate(server.create_database(f"test{next(_numbers)}"), tmp_path)
    upgrade(found)
    return found


async def opened(location: Location) -> AsyncIterator[Database]:
    """The open database; `async for database in opened(location)` closes it in the end."""
    storage = Storage(location)
    try:
        yield await storage.open()
    finally:
        await storage.close()
