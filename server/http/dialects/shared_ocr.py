"""POST /ocr where several APIs have it: the fields of the body decide whose request it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from server.formats.answer import Answer, Body, CacheOutcome
from server.formats.pages import DocumentFacts, PageResult
from server.http.context import ServerContext
from server.http.dialects.dialect import Dialect, Targets, for_documents
from server.http.dialects.foreign import ForeignApi
from server.http.dialects.native import NativeDialect
from server.http.errors import PublicError
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader, body_reader
from server.intake.body_rules import OWN_RULES, BodyRules
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.jobs.record import JobRecord
from server.principal import Scope
from server.settings.dialect_row import DialectRow


@dataclass(frozen=True, slots=True)
class SharedApi:
    """One of the other servers' APIs on the path. load: imports its module."""

    row: DialectRow
    target: str
    load: Callable[[ServerContext], Targets]

    def has(self, form: Form) -> bool:
        """Whether the request is one of this API."""
        marks = (*self.row.marks, *self.row.image_parts)
        return form.part in self.row.image_parts or any(mark in form.fields for mark in marks)


def shared_rules(apis: Sequence[SharedApi]) -> BodyRules:
    """What bodies may contain: this server's own requests are checked as if they were alone."""
    rows = [api.row for api in apis]
    parts = [part for row in rows for part in row.image_parts]
    marks = [mark for row in rows for mark in row.marks]
    return BodyRules(
        image_parts=(*OWN_RULES.image_parts, *parts),
        long_fields=(*OWN_RULES.long_fields, *marks),
        marks=tuple(marks),
    )


class SharedOcr:
    """A request that is this server's own until a field says otherwise; see Dialect."""

    methods = NativeDialect.methods
    needs: Scope | None = NativeDialect.needs

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        apis: Sequence[SharedApi],
        rules: BodyRules,
    ) -> None:
        self._context = context
        self._request = request
        self._scope = scope
        self._apis = apis
        self._rules = rules
        self._native = NativeDialect(context, request, scope)
        self._chosen: Dialect = self._native
        self._foreign = ForeignApi(context, request, scope)

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi; placeholders are tolerated, as whose request it is shows only later."""
        return self._foreign.key(headers)

    def reader(self) -> BodyReader:
        """See BodyApi."""
        content_type = self._request.headers.get("Content-Type", "")
        spool_above = self._native.spool_above
        return body_reader(content_type, raw_image=True, rules=self._rules, spool_above=spool_above)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        for api in self._apis:
            if api.has(form):
                target = api.load(self._context)[api.target]
                self._chosen = target.make(self._context, self._request, self._scope)  # type: ignore[assignment]
                break
        return self._chosen.parse(form)

    def is_long(self, answer: Answer, asked: OcrRequest) -> bool:
        """See Dialect."""
        return self._chosen.is_long(answer, asked)

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        return self._chosen.render(answer, asked, outcome)

    def may_send_document(self) -> bool:
        """See DocumentDialect."""
        return self._native.may_send_document()

    def check_document(self, asked: OcrRequest) -> None:
        """See DocumentDialect."""
        for_documents(self._chosen).check_document(asked)

    def render_document(
        self, pages: Iterable[PageResult], asked: OcrRequest, facts: DocumentFacts
    ) -> tuple[str, Body]:
        """See DocumentDialect."""
        return for_documents(self._chosen).render_document(pages, asked, facts)

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        return self._chosen.accepted(job)

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        return self._chosen.problem(problem)
