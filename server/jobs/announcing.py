"""The webhook message of a job that has ended, added in the transaction that ends the job."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.database.database import Database
from server.formats.render import answer_text
from server.jobs.rows import EndedJob, EndHook
from server.jobs.stored_request import rendering_of
from server.webhooks.deliveries import enqueue
from server.webhooks.messages import message_body


def announcing(include_text: bool) -> EndHook:
    """A hook that adds the message; include_text: with the recognized text."""

    async def announce(database: Database, connection: AsyncConnection, ended: EndedJob) -> None:
        row, end = ended.row, ended.end
        if row.webhook_url is None:
            return
        data: dict[str, Any] = {"id": row.id, "state": end.state, "url": f"/jobs/{row.id}"}
        if end.error is not None:
            data["error"] = {"code": end.error.code, "message": end.error.message}
        if include_text and end.answer is not None:
            data["text"] = answer_text(end.answer, rendering_of(row.request, row.format))
        body = message_body(f"job.{end.state}", row.finished_at, data)
        url = row.webhook_url
        await enqueue(database, connection, user=row.user, url=url, body=body, job_id=row.id)

    return announce
