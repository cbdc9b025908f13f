"""The usage event of a job, stored in the transaction that ends the job: so exactly once."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.jobs.rows import EndedJob, EndHook
from server.users.usage import Usage
from server.users.usage_store import record


def counting(usage: Usage) -> EndHook:
    """A hook that adds the event; a cancelled job does not count."""

    async def count(database: Database, connection: AsyncConnection, ended: EndedJob) -> None:
        row, end = ended.row, ended.end
        if end.state == "cancelled":
            return
        event = usage.job_event(
            row.id,
            row.user,
            cached=1 if end.outcome in ("hit", "joined") else 0,
            seconds=end.seconds,
            size=row.input_bytes,
            code=end.error.code if end.error is not None else "",
            pages=row.pages_done,
        )
        if event is not None:
            await record(database, connection, event)

    return count
