"""What Azure's APIs for reading text share: keys, errors, operations and words."""

from __future__ import annotations

import base64
import binascii
import contextlib
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from tornado.httputil import HTTPHeaders

from server.errors import NotFound
from server.formats.json_text import JSON_TYPE, dump
from server.formats.pages import PageResult, facts_of
from server.http.dialects.foreign import ForeignApi, ForeignDialect, JobDialect, json_body
from server.http.dialects.job_pages import job_pages, written
from server.http.dialects.pages import Box, ReadLine, ReadPage, ReadWord, flat, read_page, words_of
from server.http.errors import PublicError, error_of_code
from server.http.gate import check_again, key_in
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader, RawBody
from server.intake.fields import Form
from server.intake.request import ImageSource
from server.jobs.record import JobRecord, Jobs, JobState, wait_for_end
from server.principal import Scope
from server.settings.dialects import AZURE_KEY

KEY_HEADER = "Ocp-Apim-Subscription-Key"
WAIT_SECONDS = 2.0  # for the end of an operation in one call

_STATES: dict[JobState, str] = {
    "queued": "notStarted",
    "running": "running",
    "done": "succeeded",
    "failed": "failed",
    "cancelled": "failed",
}
_CODES = {
    "bad_field": "InvalidArgument",
    "bad_pages": "InvalidArgument",
    "missing_file": "InvalidImage",
    "unsupported_format": "InvalidImageFormat",
    "invalid_image": "InvalidImage",
    "pdf_broken": "InvalidImage",
    "too_many_pixels": "InvalidImageSize",
    "body_too_large": "InvalidImageSize",
    "key_required": "401",
    "key_invalid": "401",
    "rate_limited": "429",
    "quota_exceeded": "403",
    "not_found": "NotFound",
}
_OF_THE_IMAGE = (400, 413, 415, 422)  # statuses
_OF_STATUS = {  # for all other codes
    400: "InvalidRequest",
    403: "Forbidden",
    500: "InternalServerError",
    502: "ServiceUnavailable",
    503: "ServiceUnavailable",
    504: "ServiceUnavailable",
}


class Unit(NamedTuple):
    """In which lengths are given: inches of a page of a PDF, otherwise pixels."""

    dpi: float | None = None

    @property
    def name(self) -> str:
        """As Azure names it."""
        return "pixel" if self.dpi is None else "inch"

    def length(self, pixels: int) -> float:
        """A length in this unit."""
        return pixels if self.dpi is None else round(pixels / self.dpi, 4)

    def box(self, box: Box) -> list[float]:
        """The corners of a box."""
        return [self.length(value) for value in flat(box)]


class PagesOfResult(Protocol):
    """How an API writes the result of an operation, page by page."""

    @property
    def head(self) -> Mapping[str, Any]:
        """What comes before the pages; not empty."""

    @property
    def name(self) -> bytes:
        """The name of the list of pages."""

    def page(self, number: int, page: ReadPage, unit: Unit) -> Mapping[str, Any]:
        """A page; called in order."""

    def rest(self) -> Mapping[str, Any]:
        """What comes after the pages."""


class AzureApi(ForeignApi):
    """Keys in Azure's header, and errors in the two forms that its clients read."""

    by_url = False
    key_place = AZURE_KEY

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi; a bearer token is accepted, too."""
        given = headers.get(KEY_HEADER)
        return self.own_key(key_in(headers) if given is None else given)

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        status = 400 if problem.status in (413, 415, 422) else problem.status
        reply = json_reply(self.error(problem), status, problem_headers(problem))
        return reply._replace(error=problem.code)

    def error(self, problem: PublicError) -> dict[str, Any]:
        """The body of an error; some clients look for `error`, others for its content."""
        fallback = _OF_STATUS.get(problem.status, problem.code)
        of_url = self.by_url and problem.status in _OF_THE_IMAGE
        code = "InvalidImageURL" if of_url else _CODES.get(problem.code, fallback)
        content = {"code": code, "message": self.message_of(problem)}
        return {"error": content, **content, "requestId": self.scope.request_id}


class AzureDialect(AzureApi, ForeignDialect):
    """The image is the body, or its URL is in JSON."""

    url_field = "url"

    @property
    def spool_above(self) -> int | None:
        """A document of more bytes goes to the disk; None: no documents are accepted."""
        return None

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON instead of the image."""
        return self.request.headers.get("Content-Type", "").lower().startswith("application/json")

    def reader(self) -> BodyReader:
        """See BodyApi."""
        return json_body() if self.is_json else RawBody(self.spool_above)

    def source(self, form: Form) -> ImageSource:
        """The image of a request."""
        if not self.is_json:
            return self.uploaded(form.upload)
        self.by_url = True
        return self.image(form.fields.get(self.url_field), self.url_field)


class AzureStart(JobDialect, AzureDialect):
    """Starts an operation for an image or a document."""

    def own_fields(self) -> dict[str, Any]:
        """The fields of a document that are in the query string."""
        pages = self.query("pages")
        return {"pages": pages} if pages else {}

    def started(self, path: str, job: JobRecord) -> Reply:
        """202 with the address of the operation; path: up to its id."""
        url = self.url(f"{path}/{uuid_of(job.job_id)}")
        headers = {
            "Operation-Location": url,
            "apim-request-id": self.scope.request_id,
            "Retry-After": "1",
        }
        return Reply(202, headers, ())


class AzureOperation(AzureApi):
    """GET: the state of an operation, and its result."""

    methods = ("GET", "HEAD")
    needs: Scope | None = "jobs"

    async def operation(self, operation_id: str) -> tuple[Jobs, JobRecord]:
        """The job behind an operation, at its end if that is soon; NotFound."""
        jobs = await self.context.jobs.open()
        job = await jobs.get(self.scope.principal.user, job_id_of(operation_id))
        job = await wait_for_end(jobs, job, WAIT_SECONDS)
        await check_again(self.context, self.request, self.key)
        return jobs, job

    async def told(self, result: PagesOfResult) -> Reply:
        """The state of the operation in the path: with its pages or its error, if it has ended."""
        jobs, job = await self.operation(self.arguments[0])
        if job.state == "done":
            return await self._pages_of(jobs, job, result)
        body = self.state(job)
        if job.error is not None:
            body |= self.error(error_of_code(job.error.code, job.error.message))
        return json_reply(body)

    async def _pages_of(self, jobs: Jobs, job: JobRecord, result: PagesOfResult) -> Reply:
        """The state of an operation that has succeeded, with its pages as they are sent."""
        kind, pages = await job_pages(jobs, job)

        def write(page: PageResult) -> bytes:
            dpi = facts_of(page.result).get("dpi") if page.result and kind == "pdf" else None
            shown = result.page(page.page, read_page(page.result, job.rendering), Unit(dpi))
            return dump(shown)

        async def parts() -> AsyncGenerator[bytes, None]:
            yield dump(self.state(job))[:-1] + b',"analyzeResult":' + dump(result.head)[:-1]
            yield b',"%b":[' % result.name
            first = True
            async with contextlib.aclosing(written(pages, write)) as shown:
                async for page in shown:
                    yield page if first else b"," + page
                    first = False
            yield b"]" + (b"," + rest if (rest := dump(result.rest())[1:-1]) else b"") + b"}}"

        return Reply(200, {"Content-Type": JSON_TYPE}, (), stream=parts())

    def state(self, job: JobRecord) -> dict[str, Any]:
        """What all operations say of themselves."""
        return {
            "status": _STATES[job.state],
            "createdDateTime": _time(job.created_at),
            "lastUpdatedDateTime": _time(job.finished_at or job.created_at),
        }


def uuid_of(job_id: str) -> str:
    """The id of a job (16 bytes as base64) as a UUID, as clients cut it from URLs."""
    return str(uuid.UUID(bytes=base64.urlsafe_b64decode(f"{job_id}==")))


def job_id_of(operation_id: str) -> str:
    """The inverse of uuid_of(); NotFound if there is no such id."""
    try:
        data = uuid.UUID(operation_id).bytes
    except (ValueError, binascii.Error):
        raise NotFound("no operation has this id") from None
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def clockwise(page: ReadPage) -> float:
    """How far the text is turned clockwise, in degrees above -180."""
    return float({0: 0, 90: -90, 180: 180, 270: 90}[page.angle])


def lines_with_words(page: ReadPage) -> Sequence[tuple[ReadLine, list[ReadWord]]]:
    """Each line with its words; a line of blanks has itself as its only word."""
    return [
        (line, words_of(line, page.angle) or [ReadWord(line.text, line.confidence, 0, line.box)])
        for line in page.lines
    ]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
