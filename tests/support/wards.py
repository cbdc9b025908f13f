"""The jobs of one process on a database, with a scripted engine and a manual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ocr_engine.options import RecognitionOptions
from server.blobs.database import DatabaseBlobs
from server.blobs.folder import FolderBlobs
from server.blobs.store import BlobStore
from server.database.database import Database
from server.database.location import Location
from server.database.storage import Storage
from server.documents.documents import Documents
from server.http.errors import public_error
from server.intake.request import OcrRequest
from server.intake.uploaded_image import UploadedImage
from server.jobs.durable import DurableJobs
from server.jobs.record import JobRecord
from server.jobs.rows import EndHook, JobRows, Limits
from server.principal import Principal
from server.settings.document_settings import DocumentSettings
from tests.support.cards import card
from tests.support.scripted_engine import ScriptedEngine, ScriptedTask, scripted_service

TICK_SECONDS = 0.02
KEEP_SECONDS = 60.0
AMPLE = Limits(1000, 1 << 30)
ANN, BOB = Principal("ann"), Principal("bob")


class Clock:
    """A clock that the test moves, shared by all processes."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Ward:
    """One process."""

    jobs: DurableJobs
    rows: JobRows
    blobs: BlobStore
    engine: ScriptedEngine
    database: Database

    async def accept(self, text: str, principal: Principal = ANN) -> JobRecord:
        """Accept a job with this card."""
        return await self.jobs.accept(request(text), principal)

    async def task(self, text: str) -> ScriptedTask:
        """Wait until the engine has the card."""
        await until(lambda: bool(self.tasks(text)))
        return self.tasks(text)[0]

    def tasks(self, text: str) -> list[ScriptedTask]:
        """What the engine has of the card."""
        return [task for task in self.engine.tasks if task.image == card(text)]

    async def ended(self, job: JobRecord) -> JobRecord:
        """Wait for the end of a job."""
        found = await self.jobs.get(job.user, job.job_id)
        while not found.finished:
            found = await self.jobs.next_version(job.user, job.job_id, found.version, 1.0)
        return found


def request(text: str) -> OcrRequest:
    """A request that does not wait."""
    source = UploadedImage(card(text), known=lambda _, __: None)
    return OcrRequest(source, RecognitionOptions(), block=False)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is true, for at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def ward(
    location: Location,
    clock: Clock,
    folder: Path | None = None,
    hooks: tuple[EndHook, ...] = (),
    limits: Limits = AMPLE,
    running: bool = True,
) -> AsyncIterator[Ward]:
    """A process that works on the jobs of a database. folder: for its blobs; None: the database.

    running: False for a process that only accepts.
    """
    storage = Storage(location)
    database = await storage.open()
    rows = JobRows(database, limits, KEEP_SECONDS, clock, hooks)
    blobs: BlobStore = DatabaseBlobs(database, clock)
    if folder is not None:
        blobs = FolderBlobs(folder, clock)
    engine = ScriptedEngine()
    service = scripted_service(engine)
    documents = Documents(service, DocumentSettings(), 1_000_000, public_error)
    jobs = DurableJobs(rows, blobs, service, public_error, documents, TICK_SECONDS)
    work = asyncio.ensure_future(jobs.run() if running else asyncio.Event().wait())
    try:
        yield Ward(jobs, rows, blobs, engine, database)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await storage.close()
