"""The rows of webhook messages: added in the transaction of what they report, and sent later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.tables import DELIVERY

COLUMNS = DELIVERY.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to be sent.

    attempts: how many have ended and count; see Outcome.
    """

    id: str
    user: str
    url: str
    host: str
    body: str
    attempts: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. next_at: when to try again; None if it is `delivered` or `dead`.

    counts: whether the attempt counts towards the maximum for a message.
    """

    state: str
    next_at: float | None
    status: int | None
    error: str | None
    counts: bool = True


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
    """Add a message in the caller's transaction; it is due when that has committed.

    body: the JSON that the receiver gets. clock: Unix seconds.
    """
    now = clock()
    row = {
        "id": f"msg_{secrets.token_hex(16)}",
        "user": user,
        "job_id": job_id,
        "batch_id": batch_id,
        "url": url,
        "host": urlsplit(url).hostname or "",
        "body": body,
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }
    await connection.execute(database.insert(DELIVERY).values(row))


async def due(
    database: Database,
    now: float,
    limit: int,
    without_hosts: Collection[str] = (),
    without_users: Collection[str] = (),
) -> list[Delivery]:
    """The messages that are due, those that wait longest first."""
    statement = (
        select(
            COLUMNS.id,
            COLUMNS.user,
            COLUMNS.url,
            COLUMNS.host,
            COLUMNS.body,
            COLUMNS.attempts,
            COLUMNS.created_at,
        )
        .where(COLUMNS.state == "pending", COLUMNS.next_at <= now)
        .where(COLUMNS.host.not_in(without_hosts), COLUMNS.user.not_in(without_users))
        .order_by(COLUMNS.next_at)
        .limit(limit)
    )
    async with database.read() as connection:
        return [Delivery(*row) for row in await connection.execute(statement)]


async def take(
    database: Database, wanted: Sequence[Delivery], now: float, until: float
) -> list[Delivery]:
    """Take the messages that no other process has taken; they are due again at `until`."""
    taken = []
    async with database.write() as connection:
        for each in wanted:
            found = await connection.execute(
                update(DELIVERY)
                .where(COLUMNS.id == each.id, COLUMNS.state == "pending", COLUMNS.next_at <= now)
                .values(next_at=until)
            )
            if found.rowcount == 1:
                taken.append(each)
    return taken


async def finish(database: Database, message_id: str, outcome: Outcome, now: float) -> None:
    """Record how an attempt ended; does nothing if another process has ended the message."""
    async with database.write() as connection:
        await connection.execute(
            update(DELIVERY)
            .where(COLUMNS.id == message_id, COLUMNS.state == "pending")
            .values(
                state=outcome.state,
                attempts=COLUMNS.attempts + int(outcome.counts),
                next_at=outcome.next_at,
                last_status=outcome.status,
                last_error=outcome.error,
                finished_at=None if outcome.state == "pending" else now,
            )
        )


async def release(database: Database, message_ids: Collection[str], now: float) -> None:
    """Make messages due now, because their attempts were interrupted."""
    async with database.write() as connection:
        await connection.execute(
            update(DELIVERY)
            .where(COLUMNS.id.in_(message_ids), COLUMNS.state == "pending")
            .values(next_at=now)
        )


async def forget(database: Database, before: float) -> None:
    """Delete the messages that were finished before this time."""
    async with database.write() as connection:
        await connection.execute(delete(DELIVERY).where(COLUMNS.finished_at < before))


async def resend(
    database: Database, message_ids: Collection[str] | None, now: float
) -> Sequence[str]:
    """Make these messages, or all dead ones, pending again; returns the ids of those changed."""
    chosen = COLUMNS.state == "dead" if message_ids is None else COLUMNS.id.in_(message_ids)
    async with database.write() as connection:
        found = await connection.execute(
            update(DELIVERY)
            .where(chosen)
            .values(state="pending", attempts=0, next_at=now, finished_at=None)
            .returning(COLUMNS.id)
        )
        return list(found.scalars())


async def listed(database: Database, state: str | None, limit: int) -> Sequence[Row[Any]]:
    """The newest messages, of this state if one is given, without their bodies."""
    shown = [column for column in COLUMNS if column is not COLUMNS.body]
    statement: Select[Any] = select(*shown).order_by(COLUMNS.created_at.desc()).limit(limit)
    if state is not None:
        statement = statement.where(COLUMNS.state == state)
    async with database.read() as connection:
        rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
        return rows
