"""Erasing a user, and transactions that add data of that user, exclude each other.

On PostgreSQL, a transaction that adds data takes a shared lock on the row of the key, and erasing
takes an exclusive one. So erasing waits for the transactions that have begun before, and deletes
what they have added. Those that begin later wait until the user is erased, and then notice that.
On SQLite there is one writer.

The row of the key is locked before all other rows, so that no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.tables import ERASED, KEY
from server.errors import KeyInvalid, NotFound


async def hold_users(connection: AsyncConnection, users: Collection[str] | Select[Any]) -> None:
    """Keep these users from being erased until the transaction ends; first wait for an erasing."""
    if connection.dialect.name == "postgresql":
        keys = select(KEY.c.id).where(KEY.c.id.in_(users)).order_by(KEY.c.id)
        await connection.execute(keys.with_for_update(read=True, key_share=True))


async def hold_exclusively(connection: AsyncConnection, user: str) -> None:
    """Wait for all transactions that hold this user; NotFound if there is no such key."""
    key = select(KEY.c.id).where(KEY.c.id == user).with_for_update()
    if (await connection.execute(key)).first() is None:
        raise NotFound("no key has this id")


async def erased_of(connection: AsyncConnection, users: Collection[str]) -> set[str]:
    """Those of the users that were erased; the others are held, see hold_users()."""
    await hold_users(connection, users)
    erased = select(ERASED.c.user).where(ERASED.c.user.in_(users))
    return set((await connection.execute(erased)).scalars())


async def refuse_erased(connection: AsyncConnection, user: str) -> None:
    """KeyInvalid if the user was erased; called first in transactions that add data of the user."""
    if await erased_of(connection, [user]):
        raise KeyInvalid
