"""Which blob store is used, and how the blobs of a user are erased."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.blobs.database import DatabaseBlobs
from server.blobs.folder import FolderBlobs
from server.blobs.store import BlobStore
from server.database.database import Database
from server.database.location import Location, state_folder
from server.database.tables import BLOB, JOB, JOB_PAGE
from server.private_files import make_folder

BLOB_FOLDER = "blobs"


def blob_store(kind: str, database: Database, location: Location) -> BlobStore:
    """The store for inputs and results; `auto`: a folder if the database is a file."""
    if kind == "database" or (kind == "auto" and location.file is None):
        return DatabaseBlobs(database)
    folder = blob_folder(location)
    with contextlib.suppress(OSError):  # put() will say so
        make_folder(folder)
    return FolderBlobs(folder)


def blob_folder(location: Location) -> Path:
    """The folder next to a SQLite file, or in the state folder."""
    folder = state_folder() if location.file is None else location.file.parent
    return folder / BLOB_FOLDER


async def erase_blobs(
    location: Location, connection: AsyncConnection, user: str
) -> Sequence[Callable[[], Awaitable[None]]]:
    """Delete the blobs of a user's jobs in the database.

    Returns what deletes those in the folder, to be called after the commit.
    """
    query = select(JOB.c.input_blob, JOB.c.result_blob).where(JOB.c.user == user)
    of_pages = select(JOB_PAGE.c.result_blob).join(JOB).where(JOB.c.user == user)
    rows = await connection.execute(query)
    blobs = [blob for row in rows for blob in row if blob]
    blobs += [blob for blob in (await connection.execute(of_pages)).scalars() if blob]
    await connection.execute(delete(BLOB).where(BLOB.c.id.in_(blobs)))
    return [functools.partial(FolderBlobs(blob_folder(location)).delete, blobs)]
