"""The secrets that sign webhooks: those of the settings, or one that the database keeps."""

from __future__ import annotations

import secrets as random_names
from collections.abc import Sequence

from sqlalchemy import or_, select, update

from server.database.database import Database
from server.database.tables import WEBHOOK_SECRET
from server.settings.url_settings import WebhookSettings
from server.webhooks.signing import new_secret

ROTATION_SECONDS = 86400.0  # how long the old secret signs too
FIRST = "first"

COLUMNS = WEBHOOK_SECRET.c


async def signing_secrets(
    database: Database, settings: WebhookSettings, now: float
) -> Sequence[str]:
    """The secrets to sign with, the newest first; creates one if there is none."""
    if settings.secrets:
        return [secret.reveal() for secret in settings.secrets]
    found = await _valid(database, now)
    if not found:
        async with database.write() as connection:
            # Of two processes that both find none, one wins, and both read its secret.
            await connection.execute(
                database.insert(WEBHOOK_SECRET)
                .values(name=FIRST, secret=new_secret(), created_at=now)
                .on_conflict_do_nothing()
            )
        found = await _valid(database, now)
    return found


async def rotate(database: Database, now: float) -> str:
    """Add a new secret to the database and return it; the older ones sign for one more day."""
    secret, name = new_secret(), random_names.token_hex(16)
    async with database.write() as connection:
        await connection.execute(
            update(WEBHOOK_SECRET)
            .where(COLUMNS.expires_at.is_(None))
            .values(expires_at=now + ROTATION_SECONDS)
        )
        await connection.execute(
            database.insert(WEBHOOK_SECRET).values(name=name, secret=secret, created_at=now)
        )
    return secret


async def _valid(database: Database, now: float) -> Sequence[str]:
    statement = (
        select(COLUMNS.secret)
        .where(or_(COLUMNS.expires_at.is_(None), COLUMNS.expires_at > now))
        .order_by(COLUMNS.created_at.desc())
    )
    async with database.read() as connection:
        return list((await connection.execute(statement)).scalars())
