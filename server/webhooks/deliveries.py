"""The rows of webhook messages: written with what they tell of, sent later by the sender."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.tables import DELIVERY


async def enqueue(
    database: Database,
    connection: AsyncConnection,
    *,
    user: str,
    url: str,
    body: str,
    job_id: str | None = None,
    batch_id: str | None = None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Add a message in the caller's transaction; it is due at once, and sent if that commits.

    body: the JSON that the receiver gets. clock: Unix seconds.
    """
    now = clock()
    row = {
        "id": f"msg_{secrets.token_hex(16)}",
        "user": user,
        "job_id": job_id,
        "batch_id": batch_id,
        "url": url,
        "body": body,
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }
    await connection.execute(database.insert(DELIVERY).values(row))
