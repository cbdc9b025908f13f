"""What the server answers, as dataclasses; `raw` has the whole JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job or a page failed: a stable code, and a message for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; box: four corners (x, y) in pixels, clockwise from the top left."""

    text: str
    confidence: float
    box: Box
    raw: Json = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a document, or the image itself. error: of a page that could not be read."""

    number: int
    text: str
    confidence: float
    width: int
    height: int
    lines: tuple[Line, ...]
    error: Problem | None = None
    raw: Json = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The text of an image or a document.

    cache: miss, hit or joined. status: success, or partial if pages could not be read.
    """

    text: str
    confidence: float
    pages: tuple[Page, ...]
    status: str
    cache: str
    md5: str
    elapsed_ms: float
    request_id: str
    raw: Json = field(repr=False, default_factory=dict)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all pages."""
        return tuple(line for page in self.pages for line in page.lines)


@dataclass(frozen=True, slots=True)
class Job:
    """A job. state: queued, running, done, failed or cancelled. Times are Unix seconds."""

    id: str
    state: str
    url: str
    position: int = 0
    attempts: int = 0
    progress: Json = field(default_factory=dict)
    error: Problem | None = None
    created_at: float = 0.0
    expires_at: float | None = None
    raw: Json = field(repr=False, default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, with its jobs in the order of the files. counts: jobs by state."""

    id: str
    state: str
    url: str
    counts: Mapping[str, int]
    jobs: tuple[Job, ...]
    raw: Json = field(repr=False, default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether all jobs are finished."""
        return self.state == "finished"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a job. name: state, page or end."""

    name: str
    id: str
    data: Json

    @property
    def job(self) -> Job | None:
        """The job, if the event has it."""
        given = self.data.get("job", self.data)
        return job_of(given) if "state" in given and "id" in given else None


def result_of(answer: Json) -> Result:
    """The result in an answer."""
    data = answer["data"]
    pages = data.get("pages")
    return Result(
        text=data["text"],
        confidence=data.get("confidence", 0.0),
        pages=tuple(map(_page, pages)) if pages is not None else (_page(data),),
        status=answer["status"],
        cache=answer.get("cache", ""),
        md5=answer.get("md5", ""),
        elapsed_ms=answer.get("elapsed_ms", 0.0),
        request_id=answer.get("request_id", ""),
        raw=answer,
    )


def job_of(data: Json) -> Job:
    """A job in an answer."""
    return Job(
        id=data["id"],
        state=data["state"],
        url=data.get("url", ""),
        position=data.get("position", 0),
        attempts=data.get("attempts", 0),
        progress=data.get("progress", {}),
        error=_problem(data.get("error")),
        created_at=data.get("created_at", 0.0),
        expires_at=data.get("expires_at"),
        raw=data,
    )


def batch_of(answer: Json, jobs: tuple[Job, ...] = ()) -> Batch:
    """A batch in an answer; jobs: those that came before."""
    data = answer["batch"]
    return Batch(
        id=data["id"],
        state=data["state"],
        url=data["url"],
        counts=data["counts"],
        jobs=(*jobs, *map(job_of, answer.get("jobs", ()))),
        raw=answer,
    )


def _page(data: Json) -> Page:
    return Page(
        number=data.get("page", 1),
        text=data.get("text", ""),
        confidence=data.get("confidence", 0.0),
        width=data.get("width", 0),
        height=data.get("height", 0),
        lines=tuple(map(_line, data.get("lines", ()))),
        error=_problem(data.get("error")),
        raw=data,
    )


def _line(data: Json) -> Line:
    a, b, c, d = ((x, y) for x, y in data["box"])
    return Line(data["text"], data["confidence"], (a, b, c, d), data)


def _problem(data: Json | None) -> Problem | None:
    return None if data is None else Problem(data["code"], data["message"])
