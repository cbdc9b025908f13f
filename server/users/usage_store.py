"""Usage in the database: events, and their sums by user and day. Imported when usage is counted.

The sums change in the transaction that inserts the events, and only by events that were not there
before. So an event that is moved twice, as after a crash between the commit and the removal of
its journal, counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    Text,
    cast,
    delete,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database, Insert
from server.database.tables import USAGE_DAY, USAGE_EVENT
from server.users.erased import erased_of
from server.users.journal import Event, line_of

DELETE_ROWS = 5000  # in one transaction, so that others can write in between
_SUMS = ("images", "pages", "cached", "seconds", "bytes", "errors")


class UsageDay(NamedTuple):
    """What one user, or all, used on a day."""

    day: str
    images: int
    pages: int
    cached: int
    seconds: float
    bytes: int
    errors: int


async def record(database: Database, connection: AsyncConnection, event: Event) -> None:
    """Count an event in the caller's transaction; nothing if its id was counted before."""
    await record_all(database, connection, [event])


async def record_all(
    database: Database, connection: AsyncConnection, events: Sequence[Event]
) -> None:
    """Count events in the caller's transaction, each id once.

    Events of erased users are left out.
    """
    erased = await erased_of(connection, {event.user for event in events})
    by_id = {event.id: event for event in events if event.user not in erased}
    if not by_id:
        return
    statement = _inserted(database, list(by_id.values())).returning(USAGE_EVENT.c.id)
    new = (await connection.execute(statement)).scalars()
    every = [by_id[name] for name in new]
    for (user, day), values in sorted(_sums(every).items()):  # in one order: nobody deadlocks
        await connection.execute(_added(database, user, day, values))


async def ship(database: Database, events: Sequence[Event]) -> None:
    """Count events in a transaction of their own."""
    if events:
        async with database.write() as connection:
            await record_all(database, connection, events)


async def days(database: Database, user: str | None, first: str, last: str) -> list[UsageDay]:
    """The days with usage from first to last, YYYY-MM-DD; user: None for the sum of all."""
    asked = _sums_by(USAGE_DAY.c.day, first, last)
    if user is not None:
        asked = asked.where(USAGE_DAY.c.user == user)
    return [UsageDay(*row) for row in await _rows(database, asked)]


async def users(database: Database, first: str, last: str) -> dict[str, UsageDay]:
    """The sum of each user from first to last; the day of these sums is empty."""
    rows = await _rows(database, _sums_by(USAGE_DAY.c.user, first, last))
    return {user: UsageDay("", *sums) for user, *sums in rows}


async def expire(database: Database, before: str) -> None:
    """Delete the events of earlier days; their sums remain."""
    old = select(USAGE_EVENT.c.id).where(USAGE_EVENT.c.day < before).limit(DELETE_ROWS)
    count = DELETE_ROWS
    while count == DELETE_ROWS:
        async with database.write() as connection:
            done = await connection.execute(delete(USAGE_EVENT).where(USAGE_EVENT.c.id.in_(old)))
            count = done.rowcount


def _inserted(database: Database, events: Iterable[Event]) -> Insert:
    """An INSERT of events as one JSON text.

    If Python passed the rows one by one, SQLite's driver would have to take the interpreter's lock
    again after each row, and wait for it while answers are sent. So SQLite makes the rows itself.
    """
    text = "[" + ",".join(line_of(event).decode() for event in events) + "]"
    columns = list(USAGE_EVENT.c)
    if database.kind == "sqlite":
        rows = func.json_each(text).table_valued("value")
        values: list[ColumnElement[Any]] = [
            func.json_extract(rows.c.value, f"$[{n}]") for n in range(len(columns))
        ]
    else:
        rows = func.json_array_elements(cast(literal(text, Text), JSON)).table_valued(
            "value", name="events"
        )
        values = [
            cast(rows.c.value.op("->>")(literal_column(str(n))), column.type)
            for n, column in enumerate(columns)
        ]
    chosen = select(*values).where(true())  # SQLite needs a WHERE before ON CONFLICT
    statement = database.insert(USAGE_EVENT).from_select(columns, chosen, include_defaults=False)
    return statement.on_conflict_do_nothing()


def _sums(events: Iterable[Event]) -> dict[tuple[str, str], list[float]]:
    sums: dict[tuple[str, str], list[float]] = {}
    for event in events:
        values = [*event[4:9], 1 if event.code else 0]
        before = sums.get((event.user, event.day))
        if before is not None:
            values = [one + more for one, more in zip(before, values, strict=True)]
        sums[event.user, event.day] = values
    return sums


def _added(database: Database, user: str, day: str, values: Sequence[float]) -> Any:
    more = dict(zip(_SUMS, values, strict=True))
    statement = database.insert(USAGE_DAY).values(user=user, day=day, **more)
    return statement.on_conflict_do_update(
        index_elements=[USAGE_DAY.c.user, USAGE_DAY.c.day],
        set_={name: USAGE_DAY.c[name] + statement.excluded[name] for name in _SUMS},
    )


def _sums_by(group: Any, first: str, last: str) -> Select[Any]:
    sums = [func.sum(USAGE_DAY.c[name]) for name in _SUMS]
    asked = select(group, *sums).where(USAGE_DAY.c.day.between(first, last))
    return asked.group_by(group).order_by(group)


async def _rows(database: Database, asked: Select[Any]) -> list[Any]:
    async with database.read() as connection:
        rows = (await connection.execute(asked)).all()
    return [(key, *_numbers(sums)) for key, *sums in rows]


def _numbers(sums: Sequence[Any]) -> list[float]:
    """Sums as numbers: PostgreSQL adds whole numbers up to a Decimal."""
    return [
        round(float(value), 4) if name == "seconds" else int(value)
        for name, value in zip(_SUMS, sums, strict=True)
    ]
