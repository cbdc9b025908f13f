"""Keys in the database; every change increases the epoch. Imported when a key is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from server.database.database import Database
from server.database.tables import EPOCH, KEY, KEY_SECRET
from server.principal import Limits, Principal, Scope

EPOCH_NAME = "keys"
_EPOCH_VALUE = select(EPOCH.c.value).where(EPOCH.c.name == EPOCH_NAME).scalar_subquery()


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key as it is verified. hashes: of its secrets, each with the Unix time of its end."""

    principal: Principal
    hashes: tuple[tuple[bytes, float | None], ...]
    revoked: bool
    expires_at: float | None
    epoch: int


class KeyStore:
    """The keys in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> FoundKey | None:
        """A key and its secrets, together with the epoch, by one statement."""
        asked = (
            select(
                KEY,
                KEY_SECRET.c.hash,
                KEY_SECRET.c.expires_at.label("secret_expires_at"),
                _EPOCH_VALUE.label("epoch"),
            )
            .join(KEY_SECRET, KEY_SECRET.c.key_id == KEY.c.id)
            .where(KEY.c.id == key_id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).all()
        if not rows:
            return None
        first = rows[0]
        return FoundKey(
            principal=_principal(first),
            hashes=tuple((bytes.fromhex(row.hash), row.secret_expires_at) for row in rows),
            revoked=first.revoked_at is not None,
            expires_at=first.expires_at,
            epoch=first.epoch or 0,
        )

    async def epoch(self) -> int:
        """A number that every change of a key increases; 0 before the first."""
        async with self._database.read() as connection:
            return int((await connection.execute(select(_EPOCH_VALUE))).scalar() or 0)


def _principal(row: Any) -> Principal:
    scopes: frozenset[Scope] = frozenset(row.scopes.split())
    limits = Limits(row.rate_per_minute, row.concurrency, row.max_body_mb, row.daily_quota)
    return Principal(row.id, scopes, row.weight, row.priority, limits)
