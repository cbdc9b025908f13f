"""Idempotency-Key: repeated requests with one key get the stored reply of the first one."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping

from sqlalchemy import ColumnElement, Executable, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.tables import IDEMPOTENCY
from server.errors import IdempotencyMismatch, StillAccepting, StorageUnavailable
from server.jobs.record import Claim, Kept
from server.users.erased import refuse_erased

KEEP_SECONDS = 86_400.0
LEASE_SECONDS = 5.0  # then another request may answer, as the process must have ended
RENEW_SECONDS = 1.0
MAX_REPLY_BYTES = 1 << 20


class IdempotencyKeys:
    """The keys of all users; see Idempotency. clock: Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, user: str, key: str, fingerprint: str) -> Claim | Kept:
        """See Idempotency."""
        now = self._clock()
        mine = Claim(user, key, secrets.token_hex(16))
        row = {
            "user": user,
            "key": key,
            "fingerprint": fingerprint,
            "owner": mine.owner,
            "lease_until": now + LEASE_SECONDS,
            "created_at": now,
        }
        insert = self._database.insert(IDEMPOTENCY).values(row).on_conflict_do_nothing()
        insert_or_not = insert.returning(IDEMPOTENCY.c.owner)
        async with self._database.write() as connection:
            await refuse_erased(connection, user)
            await connection.execute(delete(IDEMPOTENCY).where(_of(user, key), self._is_old(now)))
            if (await connection.execute(insert_or_not)).first() is not None:
                return mine
            found = (await connection.execute(select(IDEMPOTENCY).where(_of(user, key)))).one()
        if found.fingerprint != fingerprint:
            raise IdempotencyMismatch(IdempotencyMismatch.example)
        kept = Kept(found.job_id, found.reply, found.batch_id)
        if kept == Kept(None, None):
            raise StillAccepting(StillAccepting.example)
        return kept

    @contextlib.asynccontextmanager
    async def answering(self, claim: Claim) -> AsyncIterator[None]:
        """See Idempotency."""
        renewing = asyncio.ensure_future(self._renew(claim))
        try:
            yield
        finally:
            renewing.cancel()
            with contextlib.suppress(StorageUnavailable):  # the claim runs out soon
                await self._change(delete(IDEMPOTENCY).where(_held(claim), _unanswered()))

    async def keep_job(self, connection: AsyncConnection, claim: Claim, job_id: str) -> None:
        """Keep a job as the answer, in the transaction that adds it."""
        await self._keep(connection, claim, {"job_id": job_id})

    async def keep_batch(self, connection: AsyncConnection, claim: Claim, batch_id: str) -> None:
        """Keep a batch as the answer, in the transaction that adds it."""
        await self._keep(connection, claim, {"batch_id": batch_id})

    async def _keep(
        self, connection: AsyncConnection, claim: Claim, answer: Mapping[str, str]
    ) -> None:
        change = update(IDEMPOTENCY).where(_held(claim)).values(answer)
        if not (await connection.execute(change)).rowcount:
            raise StillAccepting(StillAccepting.example)  # this process was too slow

    async def keep_reply(self, claim: Claim, reply: bytes) -> None:
        """See Idempotency."""
        if len(reply) <= MAX_REPLY_BYTES:
            await self._change(update(IDEMPOTENCY).where(_held(claim)).values(reply=reply))

    async def forget_replies(self, user: str) -> bool:
        """See Jobs."""
        kept = and_(IDEMPOTENCY.c.user == user, IDEMPOTENCY.c.reply.is_not(None))
        async with self._database.write() as connection:
            return (await connection.execute(delete(IDEMPOTENCY).where(kept))).rowcount > 0

    async def delete_old(self) -> None:
        """Delete keys after a day."""
        old = self._is_old(self._clock())
        async with self._database.read() as connection:
            if (await connection.execute(select(IDEMPOTENCY.c.key).where(old).limit(1))).first():
                await self._change(delete(IDEMPOTENCY).where(old))

    def _is_old(self, now: float) -> ColumnElement[bool]:
        """A key after a day, or one whose process has ended before it answered."""
        dead = and_(_unanswered(), IDEMPOTENCY.c.lease_until < now)
        return or_(IDEMPOTENCY.c.created_at <= now - KEEP_SECONDS, dead)

    async def _renew(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            until = self._clock() + LEASE_SECONDS
            with contextlib.suppress(StorageUnavailable):
                await self._change(
                    update(IDEMPOTENCY).where(_held(claim)).values(lease_until=until)
                )

    async def _change(self, statement: Executable) -> None:
        async with self._database.write() as connection:
            await connection.execute(statement)


def _of(user: str, key: str) -> ColumnElement[bool]:
    return and_(IDEMPOTENCY.c.user == user, IDEMPOTENCY.c.key == key)


def _unanswered() -> ColumnElement[bool]:
    columns = (IDEMPOTENCY.c.job_id, IDEMPOTENCY.c.batch_id, IDEMPOTENCY.c.reply)
    return and_(*(column.is_(None) for column in columns))


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(_of(claim.user, claim.key), IDEMPOTENCY.c.owner == claim.owner)
