"""Erases a user: the key, and all rows and files of the user.

All tables that have the column `user` are emptied of the user's rows, and with them what refers to
those rows. What is kept elsewhere, such as blobs, is deleted by erasers.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from server.blobs.build import erase_blobs
from server.database.database import Database
from server.database.tables import ERASED, KEY, METADATA
from server.settings.database import database_location
from server.settings.settings import Settings
from server.users.erased import hold_exclusively
from server.users.key_store import bump_epoch

log = logging.getLogger("server.users")

ERASED_SECONDS = 86_400.0  # how long processes may take to notice that a user was erased

AfterCommit = Callable[[], Awaitable[None]]
Eraser = Callable[[AsyncConnection, str], Awaitable[Sequence[AfterCommit]]]
"""Called with the user within the transaction, before the rows are deleted; returns what to do
when it is committed, such as deleting files."""


def erasers_of(settings: Settings) -> Sequence[Eraser]:
    """The erasers of what is kept outside the tables, such as blobs in a folder."""
    return [functools.partial(erase_blobs, database_location(settings))]


async def erase_user(
    database: Database, user: str, now: float, erasers: Sequence[Eraser] = ()
) -> None:
    """Delete a key and all data of its user; NotFound if there is no such key. now: Unix time."""
    afterwards: list[AfterCommit] = []
    async with database.write() as connection:
        await hold_exclusively(connection, user)
        for eraser in erasers:
            afterwards += await eraser(connection, user)
        for table in reversed(METADATA.sorted_tables):
            if table is not ERASED and "user" in table.c:
                await connection.execute(delete(table).where(table.c.user == user))
        await connection.execute(delete(KEY).where(KEY.c.id == user))
        epoch = await bump_epoch(database, connection)
        await connection.execute(delete(ERASED).where(ERASED.c.at < now - ERASED_SECONDS))
        await connection.execute(ERASED.insert().values(user=user, epoch=epoch, at=now))
    for each in afterwards:
        await each()
    if not await database.drop_deleted():
        log.warning("what was deleted of %s is in the -wal file for some minutes more", user)
