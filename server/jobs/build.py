"""Builds the jobs on a database; imported with it, on first use."""

from __future__ import annotations

from collections.abc import Callable

from server.blobs.build import blob_store
from server.database.database import Database
from server.database.location import Location
from server.documents.documents import Documents
from server.jobs.announcing import announcing
from server.jobs.counting import counting
from server.jobs.crediting import crediting
from server.jobs.durable import DurableJobs
from server.jobs.ending import Explain
from server.jobs.rows import End, JobRows, Limits
from server.service.service import OcrService
from server.settings.settings import Settings
from server.users.usage import Usage


def durable_jobs(
    database: Database,
    *,
    settings: Settings,
    location: Location,
    service: OcrService,
    explain: Explain,
    usage: Usage,
    counts: Callable[[End], bool],
    clock: Callable[[], float],
    documents: Documents,
) -> DurableJobs:
    """The jobs in a database.

    explain: turns an error into what clients see. counts: whether a job that ended this way counts
    towards the daily quota. clock: Unix seconds.
    """
    jobs = settings.jobs
    limits = Limits(jobs.max_per_user, int(jobs.max_mb_per_user * (1 << 20)))
    hooks = (
        announcing(settings.webhooks.include_text),
        counting(usage),
        crediting(usage.days, counts),
    )
    rows = JobRows(database, limits, settings.service.job_seconds, clock, hooks)
    blobs = blob_store(settings.jobs.blobs, database, location)
    return DurableJobs(rows, blobs, service, explain, documents)
