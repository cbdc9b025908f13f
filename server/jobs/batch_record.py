"""Batches as handlers see them: many files that become jobs in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cache.keys import Digests
from server.blobs.store import Inputs
from server.intake.request import OcrRequest
from server.jobs.record import Claim, JobError, JobPage, JobRecord, JobState
from server.principal import Principal


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file that has arrived. options: its own. error: why it will not be read.

    blob: the id of the image in Inputs; empty if there is an error.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    blob: str = ""
    size: int = 0
    digests: Digests = Digests("", "")
    error: JobError | None = None


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What becomes a batch: its files with their requests.

    webhook_url: gets a message when the last job has ended.
    """

    files: Sequence[tuple[BatchFile, OcrRequest]]
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as clients see it. Times are Unix seconds.

    files: how many it had. counts: its jobs by state, without those that were erased.
    finished_at: when its last job ended. expires_at: when its last results are deleted.
    """

    batch_id: str
    user: str
    files: int
    created_at: float
    counts: Mapping[JobState, int]
    pages_total: int = 0
    pages_done: int = 0
    pages_failed: int = 0
    finished_at: float | None = None
    expires_at: float | None = None


class Batches(Protocol):
    """The batches of all users; NotFound for another user's batch, Gone for an expired batch.

    All calls raise StorageUnavailable while the database does not answer.
    """

    @property
    def inputs(self) -> Inputs:
        """Where the images of a batch are kept before accept()."""

    async def accept(
        self, batch: NewBatch, principal: Principal, claim: Claim | None = None
    ) -> BatchRecord:
        """Make jobs of all files, or of none: QueueFull if the user would have too many.

        A file with an error becomes a failed job. claim: of an Idempotency-Key; a repeated request
        is answered with this batch.
        """

    async def get(self, user: str, batch_id: str) -> BatchRecord:
        """The batch as it is now."""

    async def jobs(self, user: str, batch_id: str, page: JobPage) -> list[JobRecord]:
        """Jobs of the batch without their positions, in the order of its files."""

    async def listed(self, user: str, page: JobPage) -> list[BatchRecord]:
        """Batches of the user, the newest first; the page's state is ignored."""

    async def cancel(self, user: str, batch_id: str) -> None:
        """End all unfinished jobs; Conflict if there are none."""

    async def erase(self, user: str, batch_id: str) -> None:
        """Delete all finished jobs, and the batch if it has no other jobs.

        NotFinished if no job is finished.
        """
