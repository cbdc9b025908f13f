"""A database with many keys."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from server.database.location import locate  # noqa: E402
from server.database.schema import upgrade  # noqa: E402
from server.database.storage import Storage  # noqa: E402
from server.database.tables import KEY, KEY_SECRET  # noqa: E402
from server.users.key_fields import KEY_DEFAULTS  # noqa: E402
from server.users.key_store import KeyStore  # noqa: E402


def database_with_keys(folder: Path, count: int) -> tuple[str, str]:
    """A SQLite database with so many keys; its URL, and one of the keys."""
    place = locate(None, folder)
    upgrade(place)

    async def fill() -> str:
        storage = Storage(place)
        database = await storage.open()
        row = {**KEY_DEFAULTS, "scopes": "read jobs", "label": "of many", "created_at": 1.0}
        keys = [{**row, "id": f"{number:08}"} for number in range(count)]
        secrets = [
            {"hash": f"{number:064x}", "key_id": f"{number:08}", "created_at": 1.0}
            for number in range(count)
        ]
        async with database.write() as connection:
            if count:
                await connection.execute(KEY.insert(), keys)
                await connection.execute(KEY_SECRET.insert(), secrets)
        _, key = await KeyStore(database).add({"label": "of the load"}, time.time())
        await storage.close()
        return key

    return place.url, asyncio.run(fill())
