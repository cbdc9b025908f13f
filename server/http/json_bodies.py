"""The JSON bodies of answers other than results, as types.

They describe the bodies to mypy and, with the notes in Annotated, to the clients of the API.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, TypedDict

from ocr_engine.documents.kinds import Kind
from server.formats.pages import DocumentDataJson
from server.formats.render import AnswerJson, FlatAnswerJson, RestOfAnswer
from server.http.errors import STATUS
from server.jobs.record import JobState
from server.users.key_record import KeyBody

Count = Annotated[int, {"minimum": 0}]
Seconds = Annotated[float, {"minimum": 0}]


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


class DocumentAnswer(RestOfAnswer):
    """The format json of a document."""

    status: Annotated[Literal["success", "partial"], "`partial`: some of the pages have no result."]
    data: DocumentDataJson
    job: NotRequired[JobBody]


class KeptBody(TypedDict):
    """A document that is kept."""

    id: Annotated[str, "An unguessable id.", {"pattern": "^[A-Za-z0-9_-]{1,64}$"}]
    url: Annotated[str, "The address of the document.", {"format": "uri-reference"}]
    kind: Kind
    page_count: Annotated[int, "How many pages the document has.", {"minimum": 1}]
    size: Annotated[int, "In bytes.", {"minimum": 1}]
    md5: Annotated[str, "MD5 of the file, in hex.", {"pattern": "^[0-9a-f]{32}$"}]
    keep_seconds: Annotated[Seconds, "How long it is kept after its last use."]


class KeptAnswer(TypedDict):
    """POST /documents."""

    status: Literal["success"]
    document: KeptBody
    request_id: str


class JobResult(AnswerJson):
    """The result of a job; render_json() writes it."""

    job: JobBody


class FlatJobResult(FlatAnswerJson):
    """The same in the format flat."""

    job: JobBody


Day = Annotated[str, {"format": "date"}]


class UsageCounts(TypedDict):
    """What a user, or all users, used."""

    images: Annotated[Count, "Images that were answered with a result."]
    pages: Annotated[Count, "Pages of these images."]
    cached: Annotated[Count, "Images that needed no recognition of their own."]
    seconds: Annotated[Seconds, "How long the recognitions took."]
    bytes: Annotated[Count, "Size of the requests' bodies, and of the inputs of jobs."]
    errors: Annotated[Count, "Requests that failed; not those that were refused."]


class UsageDayBody(UsageCounts):
    """What was used on one day."""

    day: Day


# The functional form, since `from` is a keyword of Python.
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


class LanguageBody(TypedDict):
    """A language of which the models know all letters."""

    code: Annotated[str, "BCP 47."]
    name: str
    scripts: Annotated[Sequence[str], "ISO 15924."]


class ScriptBody(TypedDict):
    """A script in which one of these languages is written."""

    code: Annotated[str, "ISO 15924."]
    name: str
    characters: Annotated[str, "The characters of it that the models know."]


class LanguagesAnswer(TypedDict):
    """GET /languages."""

    status: Literal["success"]
    models: Annotated[str, "The loaded models."]
    languages: Annotated[list[LanguageBody], "By name; empty if the engine does not tell."]
    scripts: Annotated[list[ScriptBody], "By the number of their characters."]
    others: Annotated[
        str, "Digits, punctuation, symbols, and letters that are not enough for a language."
    ]
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


class ObjectCounts(TypedDict):
    """The objects of some events."""

    accepted: Annotated[Count, "Objects that are in the ledger now, or were before."]
    ignored: Annotated[Count, "Events that create no object in a place that is watched."]


class ObjectStates(TypedDict):
    """How the accepted objects stand."""

    pending: Annotated[Count, "Not read yet."]
    done: Annotated[Count, "Read, with a result in every place."]
    failed: Annotated[Count, "Not readable, with an error in every place."]
    gone: Annotated[Count, "No longer in the store."]


class EventsAnswer(TypedDict):
    """Events were accepted; success: all of their objects are finished."""

    status: Literal["accepted", "success"]
    objects: ObjectCounts
    states: NotRequired[Annotated[ObjectStates, "With `wait`."]]
    request_id: str


class ModelSetBody(TypedDict):
    """A model set."""

    name: Annotated[str, "The name, for the field `models` of requests."]
    default: Annotated[bool, "Whether it reads images for which no set is named."]
    models: Annotated[str, "The names of its models."]
    fingerprint: Annotated[str, "Differs between sets that may read an image differently."]
    workers: Annotated[Count, "How many workers have loaded it."]


class ModelSetsAnswer(TypedDict):
    """All model sets, the default first."""

    status: Literal["success"]
    sets: list[ModelSetBody]
    to_be_replaced: Annotated[Count, "Workers that still have another default set."]
    request_id: str
