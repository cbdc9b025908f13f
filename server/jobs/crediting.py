"""Returns the daily quota of jobs that do not count, in the transaction that ends them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.jobs.rows import End, EndedJob, EndHook
from server.users.days import Days
from server.users.leases import give_back


def crediting(days: Days, counts: Callable[[End], bool]) -> EndHook:
    """A hook that gives back the quota that a job took on the day when it was accepted.

    counts: whether a job that ended this way counts; the rule is that of requests that wait.
    """

    async def credit(database: Database, connection: AsyncConnection, ended: EndedJob) -> None:
        if not counts(ended.end):
            row = ended.row
            await give_back(connection, row.user, days.of(row.created_at), row.pages_total)

    return credit
