"""Jobs as handlers and dialects see them, wherever they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from server.errors import Gone
from server.formats.answer import Answer, CacheOutcome
from server.formats.pages import PageResult
from server.formats.rendering import Rendering
from server.intake.request import OcrRequest
from server.principal import Principal
from server.settings.constraints import Choice, Constraint, WholeNumber

if TYPE_CHECKING:
    from server.documents.open_document import OpenDocument
    from server.jobs.batch_record import Batches

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

PAGE_FIELDS: dict[str, Constraint] = {
    "state": Choice(*get_args(JobState)),
    "limit": WholeNumber(1, 100),
}  # of a list of jobs
MAX_WAIT_SECONDS = 60.0  # the longest wait for the end of a job in one call


class JobError(Protocol):
    """Why a job failed, as clients see it."""

    @property
    def code(self) -> str:
        """One of the error codes in docs/api.md."""

    @property
    def message(self) -> str:
        """The text for people."""


@dataclass(frozen=True, slots=True)
class KnownJobError:
    """A JobError that was kept."""

    code: str
    message: str


@dataclass(slots=True)
class JobRecord:
    """A job as clients see it: plain data. Times are Unix seconds.

    version: increased by each change. outcome: None until it is known. position: among the queued
    jobs, 1 being next; 0 if it is not queued. attempts: how often its recognition was started.
    expires_at: when its result is deleted; None until it is finished. batch_id, number: its batch,
    and which file of it, from 0. is_document: its result has pages.
    """

    job_id: str
    user: str
    rendering: Rendering
    created_at: float
    outcome: CacheOutcome | None = None
    state: JobState = "queued"
    version: int = 1
    position: int = 0
    attempts: int = 0
    error: JobError | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    pages_total: int = 1
    pages_done: int = 0
    pages_failed: int = 0
    batch_id: str | None = None
    number: int = 0
    is_document: bool = False

    @property
    def finished(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state not in ("queued", "running")

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds from its creation to its end; 0 before that."""
        return 0.0 if self.finished_at is None else (self.finished_at - self.created_at) * 1000


@dataclass(frozen=True, slots=True)
class KeptPages:
    """The result of a document.

    read: the pages in order, each when it is needed. open: a descriptor of the document, which the
    caller closes; Gone.
    """

    kind: str
    page_count: int
    md5: str
    read: Callable[[], AsyncGenerator[PageResult, None]]
    open: Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class JobPage:
    """Which jobs to list. after: the id of the last job of the previous page."""

    state: JobState | None = None
    after: str | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """How the first request with an Idempotency-Key was answered: one of these is not None."""

    job_id: str | None
    reply: bytes | None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer the first request with an Idempotency-Key."""

    user: str
    key: str
    owner: str


class Idempotency(Protocol):
    """The Idempotency-Keys of all users."""

    async def claim(self, user: str, key: str, fingerprint: str) -> Claim | Kept:
        """The right to answer a request, or what was answered before.

        StillAccepting while another request has the right, IdempotencyMismatch if the first
        request with the key had another fingerprint.
        """

    def answering(self, claim: Claim) -> AbstractAsyncContextManager[None]:
        """Hold the claim while the request is answered; release it if no answer was stored."""

    async def keep_reply(self, claim: Claim, reply: bytes) -> None:
        """Store a reply as the answer, unless it is very large; then a repeated request is new."""


class Jobs(Protocol):
    """The jobs of all users; NotFound for another user's job, Gone for an expired job.

    All calls raise StorageUnavailable while the storage of the jobs does not answer.
    """

    def batches(self) -> Batches:
        """The batches; StorageUnavailable if there can be none here."""

    async def forget_replies(self, user: str) -> bool:
        """Delete a user's replies stored for Idempotency-Keys; False if there were none."""

    def idempotency(self) -> Idempotency:
        """The Idempotency-Keys; StorageUnavailable if there can be none here."""

    async def accept(
        self, request: OcrRequest, principal: Principal, claim: Claim | None = None
    ) -> JobRecord:
        """Keep a request as a job; ServiceError or EngineError if it is refused.

        claim: of an Idempotency-Key; a repeated request is answered with this job.
        """

    async def accept_document(
        self,
        request: OcrRequest,
        document: OpenDocument,
        principal: Principal,
        claim: Claim | None = None,
    ) -> JobRecord:
        """As accept(), for a document that is open."""

    async def pages(self, job: JobRecord) -> KeptPages:
        """The pages of a document that is done; Gone if they have been deleted since."""

    async def get(self, user: str, job_id: str) -> JobRecord:
        """The job as it is now."""

    async def next_version(self, user: str, job_id: str, version: int, seconds: float) -> JobRecord:
        """The job, when it has changed since that version; after this many seconds in any case."""

    async def answer(self, job: JobRecord, with_image: bool = False) -> Answer:
        """The result of a job that is done; Gone if it has been deleted since.

        with_image: and the image, which is kept only for jobs whose own format needs it; Gone.
        """

    async def listed(self, user: str, page: JobPage) -> list[JobRecord]:
        """Jobs of the user without their positions, the newest first."""

    async def erase(self, user: str, job_id: str) -> None:
        """Delete a finished job and all its data; NotFinished if it is not finished."""

    async def cancel(self, user: str, job_id: str) -> None:
        """End an unfinished job; Conflict if it is finished.

        Queued work is dropped. Running work is stopped unless others wait for it.
        """


def image_gone(job: JobRecord) -> Gone:
    """The error if the image of a job is needed again, and is not kept."""
    return Gone(
        f"the image of this job was deleted when the job ended, as its format was "
        f"{job.rendering.format}; send the image again with format=pdf"
    )


async def wait_for_end(jobs: Jobs, job: JobRecord, seconds: float) -> JobRecord:
    """The job when it is finished; after this many seconds in any case."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not job.finished and (left := deadline - loop.time()) > 0:
        job = await jobs.next_version(job.user, job.job_id, job.version, left)
    return job
