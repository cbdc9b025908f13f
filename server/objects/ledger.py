"""The ledger: which objects were found, who reads them, and which version is finished.

A row is an object, not a version: so two versions of an object are never read at the same time,
and a version that comes back is read again. Each change is one transaction that compares before it
sets.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database, Insert
from server.database.tables import STORAGE_OBJECT
from server.objects.found import Found

LEASE_SECONDS = 10.0
ROWS_AT_ONCE = 500

ObjectRow = Row[Any]
EndState = Literal["done", "failed", "gone"]

# Called in the transaction that finishes an object; an error from it rolls the transaction back.
Within = Callable[[Database, AsyncConnection], Awaitable[None]]

_C = STORAGE_OBJECT.c

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pending:
    """How many objects are pending, and how many of them may be taken now, or are leased."""

    total: int
    ready: int
    leased: int


class Ledger:
    """The objects of one ledger. name: of the ledger. clock: Unix seconds."""

    def __init__(self, database: Database, name: str, clock: Callable[[], float]) -> None:
        self.name = name
        self._database = database
        self._clock = clock
        self._owner = secrets.token_hex(16)

    def id_of(self, source: str, key: str) -> str:
        """The id of an object's row."""
        return hashlib.sha256(f"{self.name}\0{source}\0{key}".encode()).hexdigest()

    async def note(self, found: Iterable[Found], again: bool = False) -> int:
        """Add what is new, or a new version; returns how many objects that are.

        A version is compared with the one that is known, and with the one that is finished; an
        event older than the last one changes nothing. again: objects that are finished, too.
        """
        changed = 0
        for several in _pieces(found):
            rows = {self.id_of(each.source, each.key): each for each in several}
            new = rows if again else await self._unknown(rows)
            if new:
                async with self._database.write() as connection:
                    statement = self._noted(new, again)
                    changed += len((await connection.execute(statement)).all())
        return changed

    async def take(self, limit: int, held: Collection[str]) -> Sequence[ObjectRow]:
        """Lease objects that wait, the longest first; not those that this process has already.

        The lease of a process that has ended runs out; that counts as a failure of its object.
        """
        ready = and_(self._is_ready(), _C.id.not_in(held))
        first = select(_C.id).where(ready).order_by(_C.found_at, _C.id).limit(limit)
        async with self._database.read() as connection:
            ids = list((await connection.execute(first)).scalars())
        if not ids:
            return []
        lost = case((_C.lease_owner.is_not(None), 1), else_=0)
        change = (
            update(STORAGE_OBJECT)
            .where(_C.id.in_(ids), self._is_ready())
            .values(
                lease_owner=self._owner,
                lease_until=self._clock() + LEASE_SECONDS,
                attempts=_C.attempts + 1,
                failures=_C.failures + lost,
            )
            .returning(STORAGE_OBJECT)
        )
        async with self._database.write() as connection:
            rows: Sequence[ObjectRow] = (await connection.execute(change)).all()
            return rows

    async def renew(self, ids: Collection[str]) -> set[str]:
        """Renew the leases of these objects; returns those that this process still has."""
        change = (
            update(STORAGE_OBJECT)
            .where(_C.id.in_(ids), _C.lease_owner == self._owner)
            .values(lease_until=self._clock() + LEASE_SECONDS)
            .returning(_C.id)
        )
        async with self._database.write() as connection:
            return set((await connection.execute(change)).scalars())

    async def finish(
        self,
        row: ObjectRow,
        state: EndState,
        etag: str,
        error_code: str | None = None,
        within: Within | None = None,
    ) -> None:
        """Finish a version of a leased object; it stays pending if a newer version was noted.

        Nothing happens if another process has the object now.
        """
        same = _C.version == row.version
        change = (
            update(STORAGE_OBJECT)
            .where(_C.id == row.id, _C.lease_owner == self._owner)
            .values(
                state=case((same, state), else_="pending"),
                etag=case((same, etag), else_=_C.etag),
                finished_etag=etag or None,
                error_code=error_code,
                failures=0,
                finished_at=self._clock(),
                lease_owner=None,
                lease_until=None,
            )
        )
        async with self._database.write() as connection:
            finished = await connection.execute(change)
            if finished.rowcount and within is not None:
                await within(self._database, connection)

    async def put_off(
        self, row: ObjectRow, seconds: float, failed: bool = False, tried: bool = True
    ) -> None:
        """Let an object wait for some seconds. failed: that counts as a failure of the object.

        tried: otherwise it does not count as an attempt.
        """
        change = (
            update(STORAGE_OBJECT)
            .where(_C.id == row.id, _C.lease_owner == self._owner)
            .values(
                failures=_C.failures + int(failed),
                attempts=_C.attempts - int(not tried),
                next_at=self._clock() + seconds,
                lease_owner=None,
                lease_until=None,
            )
        )
        async with self._database.write() as connection:
            await connection.execute(change)

    async def release(self, ids: Collection[str]) -> None:
        """Let objects of this process wait for the next one."""
        change = (
            update(STORAGE_OBJECT)
            .where(_C.id.in_(ids), _C.lease_owner == self._owner)
            .values(lease_owner=None, lease_until=None)
        )
        async with self._database.write() as connection:
            await connection.execute(change)

    async def pending(self) -> Pending:
        """How many objects are pending."""
        leased = func.sum(case((_C.lease_until >= self._clock(), 1), else_=0))
        ready = func.sum(case((self._is_ready(), 1), else_=0))
        query = select(func.count(), func.coalesce(ready, 0), func.coalesce(leased, 0)).where(
            _C.ledger == self.name, _C.state == "pending"
        )
        async with self._database.read() as connection:
            return Pending(*map(int, (await connection.execute(query)).one()))

    async def states(self, ids: Collection[str]) -> list[str]:
        """The states of these objects."""
        found: list[str] = []
        async with self._database.read() as connection:
            for several in _pieces(ids):
                query = select(_C.state).where(_C.id.in_(several))
                found += (await connection.execute(query)).scalars()
        return found

    def _is_ready(self) -> ColumnElement[bool]:
        now = self._clock()
        free = or_(_C.lease_until.is_(None), _C.lease_until < now)
        return and_(_C.ledger == self.name, _C.state == "pending", _C.next_at <= now, free)

    async def _unknown(self, rows: dict[str, Found]) -> dict[str, Found]:
        """Those that may change a row; the statement of _noted() decides."""
        query = select(_C.id, _C.etag, _C.finished_etag).where(_C.id.in_(rows), _C.state != "gone")
        async with self._database.read() as connection:
            known = {
                row.id: (row.etag, row.finished_etag) for row in await connection.execute(query)
            }
        return {
            row_id: each
            for row_id, each in rows.items()
            if not each.etag or each.etag not in known.get(row_id, ())
        }

    def _noted(self, rows: dict[str, Found], again: bool) -> Any:
        now = self._clock()
        statement: Insert = self._database.insert(STORAGE_OBJECT).values(
            [
                {"id": row_id, "ledger": self.name, **_columns(each, now)}
                for row_id, each in rows.items()
            ]
        )
        new = statement.excluded
        other = and_(new.etag != _C.etag, new.etag != func.coalesce(_C.finished_etag, ""))
        changed = or_(_C.state == "gone", new.etag == "", other)
        later = or_(_C.sequencer.is_(None), new.sequencer.is_(None), new.sequencer > _C.sequencer)
        values: dict[str, Any] = {
            "etag": new.etag,
            "size": new.size,
            "sequencer": func.coalesce(new.sequencer, _C.sequencer),
            "state": "pending",
            "failures": 0,
            "next_at": now,
            "version": _C.version + 1,
        }
        if again:
            values["finished_etag"] = None
        return statement.on_conflict_do_update(
            index_elements=[_C.id], set_=values, where=None if again else and_(changed, later)
        ).returning(_C.id)


def _columns(found: Found, now: float) -> dict[str, Any]:
    return {
        "source": found.source,
        "key": found.key,
        "etag": found.etag,
        "size": found.size,
        "sequencer": found.sequencer,
        "state": "pending",
        "version": 1,
        "attempts": 0,
        "failures": 0,
        "found_at": now,
        "next_at": now,
    }


def _pieces(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists that one statement can name."""
    left = iter(items)
    while several := list(islice(left, ROWS_AT_ONCE)):
        yield several
