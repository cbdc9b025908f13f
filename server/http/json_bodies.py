"""The JSON bodies of answers other than results, as types.

They describe the bodies to mypy and, with the notes in Annotated, to the clients of the API.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired, TypedDict

from ocr_engine.engine import ProbeOutcome, WorkerState
from server.formats.render import AnswerJson
from server.http.errors import STATUS
from server.jobs.record import JobState
from server.users.key_record import KeyBody

Count = Annotated[int, {"minimum": 0}]
Seconds = Annotated[float, {"minimum": 0}]
HealthStatus = Literal["ready", "starting", "draining"]


def _error_meanings() -> dict[str, str]:
    """The meaning of each error code: the first line of the docstring of its error."""
    meanings = {}
    for error in STATUS:
        lines = (inspect.getdoc(error) or "").splitlines() or [""]
        meanings[error.code] = lines[0]
    return {**meanings, "internal_error": "Internal error; the log has it under the request id."}


ERROR_MEANINGS = _error_meanings()
ErrorCode = Annotated[
    str,
    "\n".join(f"* `{code}`: {meaning}" for code, meaning in ERROR_MEANINGS.items()),
    {"enum": list(ERROR_MEANINGS)},
]


class ErrorDetail(TypedDict):
    """What is wrong with a request."""

    code: ErrorCode
    message: Annotated[str, "For people: what is wrong and what would be accepted."]
    request_id: Annotated[str, "The same id as in X-Request-Id."]


class ErrorBody(TypedDict):
    """The body of every error."""

    status: Literal["error"]
    error: ErrorDetail


class JobProblem(TypedDict):
    """Why a job failed."""

    code: ErrorCode
    message: str


class JobProgress(TypedDict):
    """The pages of a job; an image has one."""

    pages_total: Count
    pages_done: Count
    pages_failed: Count


class JobBody(TypedDict):
    """A job, as part of other bodies."""

    id: Annotated[str, "An unguessable id.", {"pattern": "^[A-Za-z0-9_-]{1,64}$"}]
    state: JobState
    url: Annotated[str, "The address of the job.", {"format": "uri-reference"}]
    position: NotRequired[
        Annotated[Count, "The position in the queue while it is queued; 1 is next."]
    ]
    progress: JobProgress
    attempts: Annotated[Count, "How often its recognition was started."]
    created_at: Annotated[Seconds, "Unix seconds."]
    batch: NotRequired[Annotated[str, "The batch it belongs to.", {"format": "uri-reference"}]]
    number: NotRequired[Annotated[Count, "Which file of the batch it is, from 0."]]
    expires_at: NotRequired[
        Annotated[Seconds, "Unix seconds; when the result of a finished job is deleted."]
    ]
    error: NotRequired[Annotated[JobProblem, "The error of a failed job."]]


class AcceptedAnswer(TypedDict):
    """A job was started."""

    status: Literal["accepted"]
    job: JobBody
    request_id: str


class JobList(TypedDict):
    """Jobs of the user, the newest first; next: send it as `after` for the next page."""

    status: Literal["success"]
    jobs: Sequence[JobBody]
    next: str | None
    request_id: str


class JobAnswer(TypedDict):
    """The state of a job without a result."""

    status: Literal["success"]
    job: JobBody
    request_id: str


class JobResult(AnswerJson):
    """The result of a job; render_json() writes it."""

    job: JobBody


Day = Annotated[str, {"format": "date"}]


class UsageCounts(TypedDict):
    """What a user, or all users, used."""

    images: Annotated[Count, "Images that were answered with a result."]
    pages: Annotated[Count, "Their pages."]
    cached: Annotated[Count, "Images that needed no recognition of their own."]
    seconds: Annotated[Seconds, "How long the recognitions took."]
    bytes: Annotated[Count, "Size of the requests' bodies, and of the inputs of jobs."]
    errors: Annotated[Count, "Requests that failed; not those that were refused."]


class UsageDayBody(UsageCounts):
    """What was used on one day."""

    day: Day


# The functional form, since `from` is a word of Python.
UsageBody = TypedDict(
    "UsageBody",
    {
        "enabled": Annotated[bool, "Whether requests are counted now."],
        "user": Annotated[str, "`*` for all users."],
        "timezone": Annotated[str, "The time zone of the days."],
        "from": Day,
        "to": Day,
        "days": Annotated[list[UsageDayBody], "The days with usage, in order."],
        "total": UsageCounts,
        "left_today": Annotated[int | None, "What is left of the daily quota; null without one."],
    },
)


class UsageAnswer(TypedDict):
    """GET /usage."""

    status: Literal["success"]
    usage: UsageBody
    request_id: str


class KeyAnswer(TypedDict):
    """A key."""

    status: Literal["success"]
    key: KeyBody
    request_id: str


class SecretAnswer(TypedDict):
    """A key with its new secret."""

    status: Literal["success"]
    key: KeyBody
    secret: Annotated[str, "The key itself, as users send it. It is not shown again."]
    request_id: str


class KeyListAnswer(TypedDict):
    """Keys in the order of their creation."""

    status: Literal["success"]
    keys: list[KeyBody]
    request_id: str


class Liveness(TypedDict):
    """GET /livez."""

    status: Literal["alive"]


class Readiness(TypedDict):
    """GET /readyz, if ready."""

    status: Literal["ready"]


class LoadedEngine(TypedDict):
    """What the workers have loaded."""

    engine: str
    precision: str
    models: str
    threads: Annotated[int, "Threads per worker.", {"minimum": 1}]


class WorkerHealth(TypedDict):
    """One worker."""

    pid: int | None
    state: Annotated[str, {"enum": [state.value for state in WorkerState]}]
    tasks_done: Count
    rss_mb: Annotated[Count, "Resident memory after its last image, in MiB."]
    uptime_seconds: Seconds
    start_seconds: Annotated[float | None, "Seconds until it was ready."]


class QueueHealth(TypedDict):
    """Images that wait or are recognized."""

    waiting: Count
    running: Count
    limit: Count
    users: Annotated[Count, "Users with waiting images."]
    expected_wait_seconds: Seconds


class RequestsHealth(TypedDict):
    """Requests, and the bytes of their images and answers."""

    open: Count
    in_flight: Count
    bytes: Count


class CacheHealth(TypedDict):
    """The result cache, and how often it had a result."""

    entries: Count
    bytes: Count
    max_entries: Count
    max_bytes: Count
    hit: Count
    joined: Count
    miss: Count


class DatabaseHealth(TypedDict):
    """The database for keys, usage and jobs."""

    kind: Literal["sqlite", "postgresql"]
    state: Annotated[Literal["closed", "open", "unavailable"], "`closed`: not needed so far."]
    problem: NotRequired[Annotated[str, "Why it is unavailable."]]


class WorkerProbeHealth(TypedDict):
    """How one worker has read the known image."""

    pid: int | None
    outcome: Annotated[
        str,
        "`wrong`, `late`: it is replaced. `lost`: it died. `busy`: it still reads another image.",
        {"enum": [outcome.value for outcome in ProbeOutcome]},
    ]
    seconds: Annotated[float | None, "Null if it was busy."]


class ProbeHealth(TypedDict):
    """What the probe has found."""

    passed: Annotated[bool, "Whether a worker reads correctly."]
    age_seconds: Annotated[
        Seconds, "Time since the end of the probe, which another request may have started."
    ]
    workers: list[WorkerProbeHealth]


class BriefHealth(TypedDict):
    """GET /healthz without a key, where keys are required."""

    status: HealthStatus


class Health(TypedDict):
    """GET /healthz."""

    status: HealthStatus
    version: str
    uptime_seconds: Seconds
    engine: Annotated[LoadedEngine | None, "Null until it is loaded."]
    workers: list[WorkerHealth]
    restarts: Annotated[Mapping[str, Count], "Recycled and lost workers by reason."]
    queue: QueueHealth
    requests: RequestsHealth
    completed: Annotated[Count, "Images that workers have finished."]
    cache: CacheHealth
    jobs: Annotated[Count, "Jobs that are kept, counted every few seconds."]
    jobs_kept_in: Annotated[
        Literal["database", "memory"], "`memory`: a restart loses them, see `database.problem`."
    ]
    database: DatabaseHealth
    probe: NotRequired[Annotated[ProbeHealth, "If it was asked for."]]
