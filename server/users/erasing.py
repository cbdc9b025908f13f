"""Erases a user: the key, and all rows and files of the user.

The user's rows are deleted from all tables that have the column `user`, together with the rows that
refer to them. What is kept elsewhere, such as blobs, is deleted by erasers.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.kept_file import delete_results
from server.blobs.build import erase_blobs
from server.database.database import Database
from server.database.tables import ERASED, KEY, METADATA
from server.errors import StorageUnavailable
from server.settings.database import database_location
from server.settings.kept_results import kept_results_folder
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
    return [functools.partial(erase_blobs, database_location(settings)), _erase_kept_results]


async def _erase_kept_results(connection: AsyncConnection, user: str) -> Sequence[AfterCommit]:
    """Delete the file of kept results; servers write it again without those of the user."""

    async def delete_file() -> None:
        try:
            await asyncio.to_thread(delete_results, kept_results_folder())
        except OSError as error:  # the user is erased all the same
            log.warning("the kept results cannot be deleted: %s", error.strerror)

    return [delete_file]


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
    try:
        dropped = await database.drop_deleted()
    except StorageUnavailable:  # the user is erased all the same
        dropped = False
    if not dropped:
        log.warning("what was deleted of %s may still be in the -wal file for a while", user)
