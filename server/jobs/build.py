"""Builds the jobs on a database; imported with it, on first use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from server.blobs.database import DatabaseBlobs
from server.blobs.folder import FolderBlobs
from server.blobs.store import BlobStore
from server.database.database import Database
from server.database.location import Location, state_folder
from server.jobs.announcing import announcing
from server.jobs.durable import DurableJobs
from server.jobs.rows import JobRows, Limits
from server.jobs.runner import Explain
from server.service.service import OcrService
from server.settings.settings import Settings

BLOB_FOLDER = "blobs"


def durable_jobs(
    database: Database,
    *,
    settings: Settings,
    location: Location,
    service: OcrService,
    explain: Explain,
    clock: Callable[[], float],
) -> DurableJobs:
    """The jobs on a database.

    explain: turns an error into what clients see. clock: Unix seconds.
    """
    jobs = settings.jobs
    limits = Limits(jobs.max_per_user, int(jobs.max_mb_per_user * (1 << 20)))
    hooks = (announcing(settings.webhooks.include_text),)
    rows = JobRows(database, limits, settings.service.job_seconds, clock, hooks)
    return DurableJobs(rows, blob_store(settings.jobs.blobs, database, location), service, explain)


def blob_store(kind: str, database: Database, location: Location) -> BlobStore:
    """The store for inputs and results; `auto`: a folder if the database is a file."""
    if kind == "database" or (kind == "auto" and location.file is None):
        return DatabaseBlobs(database)
    return FolderBlobs(blob_folder(location))


def blob_folder(location: Location) -> Path:
    """The folder next to a SQLite file, or in the state folder."""
    folder = state_folder() if location.file is None else location.file.parent
    return folder / BLOB_FOLDER
