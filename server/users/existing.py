"""Which users still exist; what is kept of others must not be found again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from ocr_engine.engine import ANONYMOUS_USER
from server.database.storage import Storage, StorageError
from server.errors import StorageUnavailable
from server.principal import ADMIN, STORAGE_USER

log = logging.getLogger("server.keys")

ASK_SECONDS = 20.0  # the first question also imports the libraries and checks the schema
NOBODY = ""  # the owner of results that belong to all users
WITHOUT_KEYS = frozenset((NOBODY, ANONYMOUS_USER, STORAGE_USER, ADMIN.user))


async def existing_users(storage: Storage, users: Collection[str]) -> set[str]:
    """Those of the users that exist; if no database answers, only those that need no key."""
    found = WITHOUT_KEYS.intersection(users)
    others = set(users) - found
    if others and storage.in_use():
        try:
            async with asyncio.timeout(ASK_SECONDS):
                database = await storage.open()
                from server.users.key_store import KeyStore

                found |= await KeyStore(database).existing(others)
        except (StorageError, StorageUnavailable, TimeoutError) as error:
            log.warning("the database does not say which users exist: %s", error)
    return set(found)
