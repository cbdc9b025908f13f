"""POST /ocr: the image as the body, a form part or base64; options in the query string."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from server.errors import BadField, MissingFile
from server.formats.answer import Answer, Body, CacheOutcome, Envelope
from server.formats.pages import DocumentFacts, PageResult
from server.formats.registry import document_format
from server.http.context import ServerContext
from server.http.errors import PublicError
from server.http.gate import key_in
from server.http.replies import Reply, answer_reply, is_long, job_json, json_reply, problem_reply
from server.http.request_header import request_header
from server.http.request_scope import RequestScope
from server.intake.body import RAW_TYPES, BodyReader, body_reader
from server.intake.fields import Form, query_fields, unique_fields
from server.intake.request import OcrRequest
from server.intake.request_fields import (
    BODY_ONLY,
    DOCUMENT_FIELDS,
    OPTION_FIELDS,
    RENDERING_FIELDS,
    REQUEST_FIELDS,
    parse_request,
)
from server.intake.sources import FILE_TYPE_FIELD, SOURCE_FIELDS
from server.intake.spooled_upload import SPOOL_BYTES
from server.jobs.record import JobRecord
from server.principal import Scope

if TYPE_CHECKING:
    from server.http.json_bodies import AcceptedAnswer

JOB_RETRY_AFTER = 1
_QUERY_FIELDS = (
    *REQUEST_FIELDS,
    *(name for name in DOCUMENT_FIELDS if name not in BODY_ONLY),
    *RENDERING_FIELDS,
    *OPTION_FIELDS,
)
_NOT_IN_BODY = (FILE_TYPE_FIELD, *(field.name for field in SOURCE_FIELDS if not field.in_ocr))


class OwnDialect:
    """The shared part of this server's own APIs: field names, answers and errors."""

    methods = ("POST",)
    needs: Scope | None = "read"

    def __init__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope
    ) -> None:
        self.request = request
        self.content_type = request.headers.get("Content-Type", "")
        self.spool_above = min(SPOOL_BYTES, context.max_body_bytes // 2)
        self._sources = context.sources
        self._defaults = context.default_options
        self._scope = scope

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi."""
        return key_in(headers)

    def parse_fields(self, form: Form) -> OcrRequest:
        """Check the fields of the body and query string."""
        return parse_request(form, self._sources, self._defaults, self.reads_cache())

    def reads_cache(self) -> bool:
        """Whether a result of the cache may be the answer."""
        given = request_header(self.request.headers, "Cache-Control")
        return given is None or "no-cache" not in given.lower()

    def is_long(self, answer: Answer, asked: OcrRequest) -> bool:
        """See Dialect."""
        return is_long(answer, asked.rendering)

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        envelope = Envelope(outcome, self._scope.elapsed_ms(), self._scope.request_id)
        return answer_reply(answer, asked.rendering, envelope)

    def may_send_document(self) -> bool:
        """See DocumentDialect: forms and whole bodies may, unless they say that they are images."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind in ("multipart/form-data", *RAW_TYPES, "image/tiff", "image/gif")

    def check_document(self, asked: OcrRequest) -> None:
        """See DocumentDialect."""
        document_format(asked.rendering)

    def render_document(
        self, pages: Iterable[PageResult], asked: OcrRequest, facts: DocumentFacts
    ) -> tuple[str, Body]:
        """See DocumentDialect."""
        row = document_format(asked.rendering)
        assert row.pages is not None, "others are converted"
        return row.media_type, tuple(row.pages(pages, asked.rendering, facts))

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        url = f"{self._scope.prefix}/jobs/{job.job_id}"
        headers = {
            "Location": url,
            "Operation-Location": url,
            "Retry-After": str(JOB_RETRY_AFTER),
        }
        if job.outcome is not None:
            headers["X-Cache"] = job.outcome
        body: AcceptedAnswer = {
            "status": "accepted",
            "job": job_json(job, self._scope.prefix),
            "request_id": self._scope.request_id,
        }
        return json_reply(body, 202, headers)

    def problem(self, problem: PublicError) -> Reply:
        """See Dialect."""
        return problem_reply(problem, self._scope.request_id)


class NativeDialect(OwnDialect):
    """The API with the image in the body, and options in the body or query string."""

    def reader(self) -> BodyReader:
        """See Dialect."""
        return body_reader(self.content_type, raw_image=True, spool_above=self.spool_above)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        arguments = self.request.query_arguments
        if arguments and any(name in arguments for name in BODY_ONLY):
            raise BadField(f"send {' and '.join(BODY_ONLY)} in the body, not in the query string")
        query = query_fields(arguments, _QUERY_FIELDS)
        if any(name in form.fields for name in _NOT_IN_BODY):
            names = " and ".join(_NOT_IN_BODY)
            raise BadField(f"{names} are accepted only by /ocr_service; send the image itself")
        if form.upload == b"":
            raise MissingFile("the body is empty; send the image's bytes in it")
        fields = unique_fields([*form.fields.items(), *query.items()])
        return self.parse_fields(Form(fields, form.upload))
