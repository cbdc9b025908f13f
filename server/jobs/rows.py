"""The rows of jobs: each change is one transaction that compares before it sets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ocr_engine.errors import QueueFull
from server.database.database import Database
from server.database.tables import DELIVERY, IDEMPOTENCY, JOB
from server.errors import Conflict, Gone, NotFinished, NotFound
from server.formats.answer import Answer
from server.jobs.batch_ends import count_end
from server.jobs.new_rows import new_row
from server.jobs.record import JobPage, JobRecord, JobState, KnownJobError
from server.jobs.stored_request import document_in, rendering_of, without_password
from server.users.erased import hold_users, refuse_erased

UNFINISHED = ("queued", "running")

JobRow = Row[Any]


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended; see JOB. seconds: of its recognition. answer: of an image that is done."""

    state: JobState
    outcome: str | None = None
    result_blob: str | None = None
    error: KnownJobError | None = None
    seconds: float = 0.0
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job that has just ended, for hooks that add rows about it in the same transaction."""

    row: JobRow
    end: End


# Called in the transaction that ends a job; an error from it rolls the transaction back.
EndHook = Callable[[Database, AsyncConnection, EndedJob], Awaitable[None]]

# Called with the id of a new job or batch, in the transaction that adds it; an error from it rolls
# the transaction back.
Within = Callable[[AsyncConnection, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """The unfinished jobs that one user may have: their number, and the bytes of their images."""

    count: int
    input_bytes: int


class JobRows:
    """All jobs in the database.

    keep_seconds: for how long a finished job is kept. clock: Unix seconds. hooks: called when a job
    ends.
    """

    def __init__(
        self,
        database: Database,
        limits: Limits,
        keep_seconds: float,
        clock: Callable[[], float],
        hooks: Sequence[EndHook] = (),
    ) -> None:
        self.database = database
        self.clock = clock
        self._limits = limits
        self._keep_seconds = keep_seconds
        self._hooks = hooks

    async def insert(
        self,
        values: Mapping[str, Any],
        within: Within | None = None,
    ) -> JobRow:
        """Add a job; QueueFull if its user has too many. within: called in the transaction."""
        row = new_row(self.clock()) | dict(values)
        async with self.database.write() as connection:
            await self.check_room(connection, row["user"], 1, row["input_bytes"])
            inserted = await connection.execute(JOB.insert().values(row).returning(JOB))
            if within is not None:
                await within(connection, row["id"])
            added: JobRow = inserted.one()
            return added

    async def find(self, user: str, job_id: str) -> JobRow:
        """A job; NotFound, or Gone if it has expired."""
        async with self.database.read() as connection:
            query = select(JOB).where(JOB.c.id == job_id, JOB.c.user == user)
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("no job has this id")
        if row.expires_at is not None and row.expires_at <= self.clock():
            raise Gone("the job has expired and its result was deleted; send the image again")
        return row

    async def listed(self, user: str, page: JobPage) -> list[JobRow]:
        """Jobs of the user, the newest first."""
        query = (
            select(JOB)
            .where(
                JOB.c.user == user,
                or_(JOB.c.expires_at.is_(None), JOB.c.expires_at > self.clock()),
            )
            .order_by(JOB.c.created_at.desc(), JOB.c.id.desc())
            .limit(page.limit)
        )
        if page.state is not None:
            query = query.where(JOB.c.state == page.state)
        if page.after is not None:
            last = await self.find(user, page.after)
            query = query.where(
                or_(
                    JOB.c.created_at < last.created_at,
                    and_(JOB.c.created_at == last.created_at, JOB.c.id < last.id),
                )
            )
        async with self.database.read() as connection:
            return list(await connection.execute(query))

    async def erase(self, user: str, job_id: str) -> JobRow:
        """Delete a finished job and what refers to it; returns the deleted row."""
        row = await self.find(user, job_id)
        if row.state in UNFINISHED:
            raise NotFinished(f"the job is {row.state}; cancel it first")
        async with self.database.write() as connection:
            for table in (DELIVERY, IDEMPOTENCY):
                await connection.execute(delete(table).where(table.c.job_id == job_id))
            erased = await connection.execute(delete(JOB).where(JOB.c.id == job_id))
            if not erased.rowcount:  # another request was faster
                raise NotFound("no job has this id")
        return row

    async def record(self, row: JobRow, with_position: bool = True) -> JobRecord:
        """What clients see of a job."""
        error = None
        if row.error_code is not None:
            error = KnownJobError(row.error_code, row.error_message)
        return JobRecord(
            job_id=row.id,
            user=row.user,
            rendering=rendering_of(row.request, row.format),
            created_at=row.created_at,
            outcome=row.outcome,
            state=row.state,
            version=row.version,
            position=await self._position(row) if with_position and row.state == "queued" else 0,
            attempts=row.attempts,
            error=error,
            finished_at=row.finished_at,
            expires_at=row.expires_at,
            pages_total=row.pages_total,
            pages_done=row.pages_done,
            pages_failed=row.pages_failed,
            batch_id=row.batch_id,
            number=row.number,
            is_document=document_in(row.request) is not None,
        )

    async def versions(self, job_ids: Collection[str]) -> dict[str, int]:
        """The versions of these jobs, without those that do not exist."""
        query = select(JOB.c.id, JOB.c.version).where(JOB.c.id.in_(job_ids))
        async with self.database.read() as connection:
            return {row.id: row.version for row in await connection.execute(query)}

    async def count(self) -> int:
        """How many jobs are kept."""
        query = select(func.count()).where(
            or_(JOB.c.expires_at.is_(None), JOB.c.expires_at > self.clock())
        )
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def cancel(self, user: str, job_id: str) -> JobRow:
        """End an unfinished job of this user; Conflict if it is finished."""
        row = await self.find(user, job_id)
        async with self.database.write() as connection:
            ended = await self.end(connection, JOB.c.id == job_id, End("cancelled"))
        if ended is None:
            row = await self.find(user, job_id)
            raise Conflict(f"the job is {row.state} and cannot be cancelled")
        return ended

    async def end(
        self, connection: AsyncConnection, which: ColumnElement[bool], end: End
    ) -> JobRow | None:
        """End the one job that the condition selects, in this transaction; None if it had ended."""
        await hold_users(connection, select(JOB.c.user).where(which))  # for what the hooks add
        now = self.clock()
        failed = end.state == "failed"
        values = {
            "state": end.state,
            "version": JOB.c.version + 1,
            "finished_at": now,
            "expires_at": now + self._keep_seconds,
            "deadline_at": None,
            "lease_owner": None,
            "lease_until": None,
            "outcome": end.outcome,
            "result_blob": end.result_blob,
            "error_code": end.error.code if end.error else None,
            "error_message": end.error.message if end.error else None,
        }
        asked = select(JOB.c.request).where(which, JOB.c.state.in_(UNFINISHED))
        request = (await connection.execute(asked)).scalar_one_or_none() or ""
        if document_in(request) is None:
            values |= {"pages_done": int(end.state == "done"), "pages_failed": int(failed)}
        else:  # its pages have been counted
            values["request"] = without_password(request)
        change = update(JOB).where(which, JOB.c.state.in_(UNFINISHED)).values(values)
        row: JobRow | None = (await connection.execute(change.returning(JOB))).one_or_none()
        if row is not None:
            if row.batch_id is not None:
                await count_end(self.database, connection, row)
            for hook in self._hooks:
                await hook(self.database, connection, EndedJob(row, end))
        return row

    async def check_room(
        self, connection: AsyncConnection, user: str, number: int, more: int
    ) -> None:
        """QueueFull if the user cannot have this many more jobs with this many more bytes.

        If the user has no other unfinished job, one may have any size. KeyInvalid if the user was
        erased meanwhile.
        """
        await refuse_erased(connection, user)
        query = select(func.count(), func.coalesce(func.sum(JOB.c.input_bytes), 0)).where(
            JOB.c.user == user, JOB.c.state.in_(UNFINISHED)
        )
        count, size = (await connection.execute(query)).one()
        most = self._limits.count
        if number and count + number > most:
            more_than = ", the maximum" if count >= most else f" and {most} are allowed"
            raise QueueFull(f"{count} jobs are unfinished{more_than}; try again later")
        if number and count + number > 1 and size + more > self._limits.input_bytes:
            raise QueueFull(
                f"the images of unfinished jobs have {size} bytes and {self._limits.input_bytes} "
                "are allowed; try again later"
            )

    async def _position(self, row: JobRow) -> int:
        """The position of a queued job if the users take turns, one job each."""
        same = and_(JOB.c.user == row.user, JOB.c.state == "queued")
        earlier = or_(
            JOB.c.priority > row.priority,
            and_(
                JOB.c.priority == row.priority,
                or_(
                    JOB.c.created_at < row.created_at,
                    and_(JOB.c.created_at == row.created_at, JOB.c.id < row.id),
                ),
            ),
        )
        others = (
            select(func.count())
            .where(JOB.c.state == "queued", JOB.c.user != row.user)
            .group_by(JOB.c.user)
        )
        async with self.database.read() as connection:
            before = int(
                (await connection.execute(select(func.count()).where(same, earlier))).scalar_one()
            )
            counts = (await connection.execute(others)).scalars()
            return 1 + before + sum(min(count, before) for count in counts)
