"""Batches as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.jobs.batch_record import BatchRecord

if TYPE_CHECKING:
    from server.http.batch_bodies import BatchBody
    from server.http.json_bodies import JobProgress


def batch_json(batch: BatchRecord, prefix: str) -> BatchBody:
    """The JSON of a batch; prefix: of the server's paths."""
    counts = batch.counts
    progress: JobProgress = {
        "pages_total": batch.pages_total,
        "pages_done": batch.pages_done,
        "pages_failed": batch.pages_failed,
    }
    fields: BatchBody = {
        "id": batch.batch_id,
        "state": "running" if batch.finished_at is None else "finished",
        "url": f"{prefix}/batches/{batch.batch_id}",
        "files": batch.files,
        "counts": {
            "queued": counts.get("queued", 0),
            "running": counts.get("running", 0),
            "done": counts.get("done", 0),
            "failed": counts.get("failed", 0),
            "cancelled": counts.get("cancelled", 0),
        },
        "progress": progress,
        "created_at": round(batch.created_at, 3),
    }
    if batch.finished_at is not None:
        fields["finished_at"] = round(batch.finished_at, 3)
    if batch.expires_at is not None:
        fields["expires_at"] = round(batch.expires_at, 3)
    return fields
