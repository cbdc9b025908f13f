"""The end of a batch: written in the transaction that ends its last job."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.database.tables import BATCH, JOB
from server.webhooks.deliveries import enqueue
from server.webhooks.messages import message_body


async def count_end(database: Database, connection: AsyncConnection, job: Row[Any]) -> None:
    """Count a job that has just ended in its batch; the last job ends the batch.

    Counting locks the row of the batch. So if two processes end the last two jobs concurrently, the
    second one finds that no job is unfinished.
    """
    change = (
        update(BATCH)
        .where(BATCH.c.id == job.batch_id)
        .values(unfinished=BATCH.c.unfinished - 1)
        .returning(BATCH)
    )
    batch = (await connection.execute(change)).one_or_none()
    if batch is None or batch.unfinished > 0:
        return
    times = {"finished_at": job.finished_at, "expires_at": job.expires_at}
    await connection.execute(update(BATCH).where(BATCH.c.id == batch.id).values(times))
    if batch.webhook_url is not None:
        query = (
            select(JOB.c.state, func.count().label("jobs"))
            .where(JOB.c.batch_id == batch.id)
            .group_by(JOB.c.state)
        )
        counts = {row.state: row.jobs for row in await connection.execute(query)}
        data = {
            "id": batch.id,
            "url": f"/batches/{batch.id}",
            "files": batch.files,
            "counts": {state: counts.get(state, 0) for state in ("done", "failed", "cancelled")},
        }
        body = message_body("batch.done", job.finished_at, data)
        url = batch.webhook_url
        await enqueue(database, connection, user=batch.user, url=url, body=body, batch_id=batch.id)
