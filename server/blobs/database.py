"""Blobs as rows in the database, for servers that share no folder."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Collection

from sqlalchemy import delete, select

from server.blobs.memory_file import memory_file
from server.blobs.store import BlobMissing
from server.database.database import Database
from server.database.tables import BLOB


class DatabaseBlobs:
    """One row for each blob; see BlobStore. clock: Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def put(self, data: bytes) -> str:
        """See BlobStore."""
        blob_id = secrets.token_hex(16)
        row = {"id": blob_id, "data": data, "created_at": self._clock()}
        async with self._database.write() as connection:
            await connection.execute(BLOB.insert().values(row))
        return blob_id

    async def get(self, blob_id: str) -> bytes:
        """See BlobStore."""
        async with self._database.read() as connection:
            query = select(BLOB.c.data).where(BLOB.c.id == blob_id)
            data: bytes | None = (await connection.execute(query)).scalar_one_or_none()
        if data is None:
            raise BlobMissing(blob_id)
        return data

    async def put_file(self, descriptor: int) -> str:
        """See BlobStore; it is in memory meanwhile, as the database takes it in one piece."""
        return await self.put(await asyncio.to_thread(_whole, descriptor))

    async def open(self, blob_id: str) -> int:
        """See BlobStore; a file in memory."""
        return await memory_file(await self.get(blob_id))

    async def delete(self, blob_ids: Collection[str]) -> None:
        """See BlobStore."""
        if blob_ids:
            async with self._database.write() as connection:
                await connection.execute(delete(BLOB).where(BLOB.c.id.in_(blob_ids)))

    async def older_than(self, seconds: float) -> list[str]:
        """See BlobStore."""
        query = select(BLOB.c.id).where(BLOB.c.created_at <= self._clock() - seconds)
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())


def _whole(descriptor: int) -> bytes:
    parts, place = [], 0
    while part := os.pread(descriptor, 1 << 20, place):
        parts.append(part)
        place += len(part)
    return b"".join(parts)
