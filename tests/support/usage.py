"""What a server has counted, for tests: its journal and its database."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from server.database.location import Location, locate
from server.database.storage import Storage
from server.database.tables import USAGE_DAY, USAGE_EVENT
from server.users.journal import Event, read_events
from server.users.usage_store import UsageDay, days

USAGE = {"usage": {"enabled": True}}


def state_of(folder: Path) -> Path:
    """The state folder of a server process with this folder."""
    return folder / "state" / "ocr-server"


def database_of(folder: Path) -> Location:
    """The SQLite database of a server process with this folder."""
    return locate(None, state_of(folder))


def journal(folder: Path) -> list[Event]:
    """The events that wait in the journals of a server process with this folder."""
    events: list[Event] = []
    for path in (state_of(folder) / "usage").glob("*.jsonl"):
        with contextlib.suppress(FileNotFoundError):  # the server has just shipped and removed it
            events += read_events(path)[0]
    return events


def counted(location: Location) -> tuple[list[Event], list[UsageDay]]:
    """The events in the database, and the sums of all users by day."""

    async def read() -> tuple[list[Event], list[UsageDay]]:
        storage = Storage(location)
        database = await storage.open()
        try:
            async with database.read() as connection:
                rows = (await connection.execute(USAGE_EVENT.select())).all()
            return [Event(*row) for row in rows], await days(database, None, "2000", "3000")
        finally:
            await storage.close()

    return asyncio.run(read())


def users(location: Location) -> set[str]:
    """The users who have sums in the database."""

    async def read() -> set[str]:
        storage = Storage(location)
        database = await storage.open()
        try:
            async with database.read() as connection:
                return {row.user for row in await connection.execute(USAGE_DAY.select())}
        finally:
            await storage.close()

    return asyncio.run(read())
