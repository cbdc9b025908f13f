"""The JSON bodies of batches, as types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, TypedDict

from ocr_engine.result_json import ResultJson
from server.formats.answer import CacheOutcome
from server.http.json_bodies import Count, JobBody, JobProblem, JobProgress, Seconds


class BatchCounts(TypedDict):
    """The jobs of a batch by state; erased jobs are not counted."""

    queued: Count
    running: Count
    done: Count
    failed: Count
    cancelled: Count


class BatchBody(TypedDict):
    """A batch."""

    id: Annotated[str, "An unguessable id.", {"pattern": "^[A-Za-z0-9_-]{1,64}$"}]
    state: Annotated[Literal["running", "finished"], "`finished`: all its jobs are finished."]
    url: Annotated[str, "The address of the batch.", {"format": "uri-reference"}]
    files: Annotated[Count, "How many files were sent."]
    counts: BatchCounts
    progress: JobProgress
    created_at: Annotated[Seconds, "Unix seconds."]
    finished_at: NotRequired[Annotated[Seconds, "Unix seconds; when its last job ended."]]
    expires_at: NotRequired[Annotated[Seconds, "Unix seconds; when its last result is deleted."]]


class AcceptedBatch(TypedDict):
    """A batch was started; its jobs are in the order of the files."""

    status: Literal["accepted"]
    batch: BatchBody
    jobs: Sequence[JobBody]
    request_id: str


class BatchAnswer(TypedDict):
    """A batch with a page of its jobs; next: send it as `after` for the next page."""

    status: Literal["success"]
    batch: BatchBody
    jobs: Sequence[JobBody]
    next: str | None
    request_id: str


class BatchList(TypedDict):
    """Batches of the user, the newest first; next: send it as `after` for the next page."""

    status: Literal["success"]
    batches: Sequence[BatchBody]
    next: str | None
    request_id: str


class FileResult(TypedDict):
    """The result of one file; batch_work.py writes it."""

    status: Literal["success"]
    data: ResultJson
    cache: CacheOutcome
    md5: Annotated[str, "MD5 of the image's bytes.", {"pattern": "^[0-9a-f]{32}$"}]


class FileProblem(TypedDict):
    """Why one file has no result."""

    status: Literal["error"]
    error: JobProblem


class BatchResults(TypedDict):
    """The results of all files, in their order."""

    status: Literal["success"]
    results: Sequence[FileResult | FileProblem]
    elapsed_ms: Annotated[float, {"minimum": 0}]
    request_id: str
