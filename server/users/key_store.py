"""Keys in the database; every change increases the epoch. Imported when a key is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.tables import EPOCH, ERASED, KEY, KEY_SECRET, USAGE_DAY
from server.errors import NotFound
from server.principal import Limits, Principal, Scope
from server.users.key_fields import KEY_DEFAULTS, ordered_scopes
from server.users.key_format import digest_of, new_id, new_secret_key
from server.users.key_record import KeyRecord, SecretRecord

EPOCH_NAME = "keys"
_EPOCH_VALUE = select(EPOCH.c.value).where(EPOCH.c.name == EPOCH_NAME).scalar_subquery()


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, as verifying needs it. hashes: of its secrets, each with the Unix time of its end."""

    principal: Principal
    hashes: tuple[tuple[bytes, float | None], ...]
    revoked: bool
    expires_at: float | None
    epoch: int


class KeyStore:
    """The keys in a database. Times are Unix seconds; NotFound if there is no such key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> FoundKey | None:
        """A key and its secrets, together with the epoch, by one statement."""
        asked = _with_secrets(_EPOCH_VALUE.label("epoch")).where(KEY.c.id == key_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).all()
        if not rows:
            return None
        first = rows[0]
        principal = Principal(
            first.id,
            frozenset(_scopes(first)),
            first.weight,
            first.priority,
            _limits(first),
        )
        return FoundKey(
            principal=principal,
            hashes=tuple(
                (bytes.fromhex(row.hash), row.secret_expires_at) for row in rows if row.hash
            ),
            revoked=first.revoked_at is not None,
            expires_at=first.expires_at,
            epoch=first.epoch or 0,
        )

    async def epoch(self) -> int:
        """A number that every change of a key increases; 0 before the first."""
        async with self._database.read() as connection:
            return int((await connection.execute(select(_EPOCH_VALUE))).scalar() or 0)

    async def existing(self, users: Collection[str]) -> set[str]:
        """Those of the users whose key exists, revoked or not."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(KEY.c.id))
        return {row.id for row in rows}.intersection(users)

    async def erased_since(self, epoch: int) -> list[str]:
        """The users that were erased after this epoch, within ERASED_SECONDS."""
        asked = select(ERASED.c.user).where(ERASED.c.epoch > epoch)
        async with self._database.read() as connection:
            return list((await connection.execute(asked)).scalars())

    async def add(self, values: Mapping[str, Any], now: float) -> tuple[KeyRecord, str]:
        """Make a key from checked fields; returns its record and the key, which is not stored."""
        key_id = new_id()
        row = {**KEY_DEFAULTS, **values, "id": key_id, "created_at": now}
        async with self._database.write() as connection:
            await connection.execute(KEY.insert().values(_stored(row)))
            secret = await _add_secret(connection, key_id, now)
            await bump_epoch(self._database, connection)
        return await self.get(key_id), secret

    async def get(self, key_id: str) -> KeyRecord:
        """One key."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_with_secrets().where(KEY.c.id == key_id))).all()
        if not rows:
            raise NotFound("no key has this id")
        return _record(rows)

    async def page(self, after: str | None, limit: int) -> list[KeyRecord]:
        """Up to this many keys in the order of creation; after: the last of the previous page."""
        place = tuple_(KEY.c.created_at, KEY.c.id)
        ids = select(KEY.c.id).order_by(KEY.c.created_at, KEY.c.id).limit(limit)
        async with self._database.read() as connection:
            if after is not None:
                found = select(KEY.c.created_at, KEY.c.id).where(KEY.c.id == after)
                last = (await connection.execute(found)).one_or_none()
                if last is None:
                    raise NotFound("no key has the id in `after`")
                ids = ids.where(place > tuple_(last.created_at, last.id))
            asked = _with_secrets().where(KEY.c.id.in_(ids))
            rows = (await connection.execute(asked)).all()
        by_id: dict[str, list[Row[Any]]] = {}
        for row in rows:
            by_id.setdefault(row.id, []).append(row)
        records = [_record(each) for each in by_id.values()]
        return sorted(records, key=lambda record: (record.created_at, record.key_id))

    async def usage(
        self, user: str | None, first: str | None, last: str | None
    ) -> list[dict[str, Any]]:
        """Rows of daily sums, by day and user. first, last: days; None: no limit."""
        day = USAGE_DAY.c
        asked = select(USAGE_DAY).order_by(day.day, day.user)
        if user is not None:
            asked = asked.where(day.user == user)
        if first is not None:
            asked = asked.where(day.day >= first)
        if last is not None:
            asked = asked.where(day.day <= last)
        async with self._database.read() as connection:
            return [dict(row._mapping) for row in await connection.execute(asked)]

    async def change(self, key_id: str, values: Mapping[str, Any]) -> KeyRecord:
        """Set checked fields."""
        async with self._database.write() as connection:
            await _update(connection, key_id, _stored(values))
            await bump_epoch(self._database, connection)
        return await self.get(key_id)

    async def revoke(self, key_id: str, now: float) -> KeyRecord:
        """End a key for good; the time of the first call counts."""
        async with self._database.write() as connection:
            record = await connection.execute(select(KEY.c.revoked_at).where(KEY.c.id == key_id))
            if record.scalar_one_or_none() is None:
                await _update(connection, key_id, {"revoked_at": now})
                await bump_epoch(self._database, connection)
        return await self.get(key_id)

    async def rotate(self, key_id: str, keep_seconds: float, now: float) -> tuple[KeyRecord, str]:
        """Make a new secret; the previous one is accepted for keep_seconds, older ones end."""
        ends = now + keep_seconds
        secrets = KEY_SECRET.c
        async with self._database.write() as connection:
            await _update(connection, key_id, {"id": key_id})  # it must exist; locks its row
            live = (secrets.key_id == key_id) & (
                secrets.expires_at.is_(None) | (secrets.expires_at > now)
            )
            newest = select(secrets.hash).where(live).order_by(secrets.created_at.desc()).limit(1)
            kept = (await connection.execute(newest)).scalar_one_or_none()
            others = delete(KEY_SECRET).where(secrets.key_id == key_id)
            if kept is not None and keep_seconds > 0:
                others = others.where(secrets.hash != kept)
                until = update(KEY_SECRET).where(
                    (secrets.hash == kept)
                    & (secrets.expires_at.is_(None) | (secrets.expires_at > ends))
                )
                await connection.execute(until.values(expires_at=ends))
            await connection.execute(others)
            secret = await _add_secret(connection, key_id, now)
            await bump_epoch(self._database, connection)
        return await self.get(key_id), secret


async def bump_epoch(database: Database, connection: AsyncConnection) -> int:
    """Tell all processes that keys have changed, when the transaction is committed."""
    statement = database.insert(EPOCH).values(name=EPOCH_NAME, value=1)
    raised = statement.on_conflict_do_update(
        index_elements=[EPOCH.c.name], set_={"value": EPOCH.c.value + 1}
    ).returning(EPOCH.c.value)
    return int((await connection.execute(raised)).scalar_one())


async def _update(connection: AsyncConnection, key_id: str, values: Mapping[str, Any]) -> None:
    changed = await connection.execute(update(KEY).where(KEY.c.id == key_id).values(values))
    if changed.rowcount == 0:
        raise NotFound("no key has this id")


async def _add_secret(connection: AsyncConnection, key_id: str, now: float) -> str:
    secret = new_secret_key(key_id)
    row = {"hash": digest_of(secret).hex(), "key_id": key_id, "created_at": now}
    await connection.execute(KEY_SECRET.insert().values(row))
    return secret


def _with_secrets(*more: Any) -> Select[Any]:
    """A row for each secret; the newest first."""
    secret = KEY_SECRET.c
    columns = (
        secret.hash,
        secret.created_at.label("secret_created_at"),
        secret.expires_at.label("secret_expires_at"),
    )
    joined = KEY.outerjoin(KEY_SECRET, secret.key_id == KEY.c.id)
    return (
        select(KEY, *columns, *more)
        .select_from(joined)
        .order_by(KEY.c.id, secret.created_at.desc())
    )


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they are in the table."""
    row = dict(values)
    if "scopes" in row:
        row["scopes"] = " ".join(row["scopes"])
    return row


def _record(rows: Iterable[Row[Any]]) -> KeyRecord:
    several = list(rows)
    first = several[0]
    return KeyRecord(
        key_id=first.id,
        label=first.label,
        scopes=_scopes(first),
        weight=first.weight,
        priority=first.priority,
        limits=_limits(first),
        created_at=first.created_at,
        expires_at=first.expires_at,
        revoked_at=first.revoked_at,
        secrets=tuple(
            SecretRecord(row.secret_created_at, row.secret_expires_at)
            for row in several
            if row.hash is not None
        ),
    )


def _scopes(row: Row[Any]) -> tuple[Scope, ...]:
    return ordered_scopes(row.scopes.split())


def _limits(row: Row[Any]) -> Limits:
    return Limits(row.rate_per_minute, row.concurrency, row.max_body_mb, row.daily_quota)
