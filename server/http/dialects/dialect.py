"""The protocols of the HTTP APIs: how requests are read, and answers written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from cache.stored_result import StoredResult
from ocr_engine.errors import UnsupportedFormat
from server.formats.answer import Answer, Body, CacheOutcome
from server.formats.pages import DocumentFacts, PageResult
from server.http.context import ServerContext
from server.http.errors import PublicError
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.jobs.record import JobRecord
from server.principal import Scope


class BodyApi(Protocol):
    """What an exchange needs of an API: how bodies are read, and errors written.

    Created for each request after its headers, so that it can keep data for the answer, such as
    an id that clients send in the body. problem() may be called before there is a body, and may
    use any status, even 200.
    """

    @property
    def methods(self) -> Sequence[str]:
        """The accepted HTTP methods; requests of all of them have a body, which may be empty."""

    @property
    def needs(self) -> Scope | None:
        """The scope that a user needs; None: the API is public."""

    def key(self, headers: HTTPHeaders) -> str | None:
        """The key in the headers; None if there is none. BadRequest if there are two."""

    def reader(self) -> BodyReader:
        """A reader for the body, chosen by the headers; its Form may contain any JSON.

        ServiceError if the API does not accept such a body.
        """

    def problem(self, problem: PublicError) -> Reply:
        """The reply for an error; the reply keeps the error's code, for the metrics."""


class Dialect(BodyApi, Protocol):
    """One request for a recognition in one API.

    Called on the event loop, except for a long render().
    """

    def parse(self, form: Form) -> OcrRequest:
        """Convert the form to a request; ServiceError or EngineError if it is invalid."""

    def is_long(self, answer: Answer, asked: OcrRequest) -> bool:
        """Whether render() takes so long that it needs a thread."""

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """The reply with the result."""

    def accepted(self, job: JobRecord) -> Reply:
        """The reply with the job, for a request that does not wait for the result."""


class KeyInBody(Dialect, Protocol):
    """A dialect whose key may be in the body instead of the headers."""

    def key_in_body(self, form: Form) -> str | None:
        """The key in the body; None if there is none."""


ReadImage = Sequence[StoredResult | None]  # the page of an image, or the pages of a document


class SeveralImages(BodyApi, Protocol):
    """One request for the recognition of several images."""

    @property
    def reads_documents(self) -> bool:
        """Whether documents may be among the images."""

    def parse_all(self, form: Form) -> Sequence[OcrRequest]:
        """Convert the form to a request for each image; at least one."""

    def render_all(self, read: Sequence[ReadImage | PublicError]) -> Reply:
        """The reply with all results, in the order of the requests; called in a thread."""


class Call(BodyApi, Protocol):
    """A request that recognizes nothing, such as for the state of a job."""

    async def answer(self, form: Form) -> Reply:
        """The reply; ServiceError if there is none."""


@runtime_checkable
class DocumentDialect(Protocol):
    """What a dialect also has if its requests may have documents of many pages."""

    def may_send_document(self) -> bool:
        """Whether the body, of which only the headers have arrived, may have a large document."""

    def check_document(self, asked: OcrRequest) -> None:
        """BadField if a document cannot be answered as it is asked for."""

    def render_document(
        self, pages: Iterable[PageResult], asked: OcrRequest, facts: DocumentFacts
    ) -> tuple[str, Body]:
        """Content-Type and body of the answer with all pages; called in a thread."""


def for_documents(dialect: Dialect) -> DocumentDialect:
    """The dialect, if it reads documents; otherwise UnsupportedFormat."""
    if not isinstance(dialect, DocumentDialect):
        raise UnsupportedFormat(
            "the bytes are a document, which this API does not read; send its pages as images"
        )
    return dialect


class DialectFactory(Protocol):
    """Creates the dialect of a request, for example a dialect's class."""

    def __call__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope
    ) -> Dialect:
        """Called when the headers have arrived, before the body."""


class ApiFactory(Protocol):
    """Creates the API of a request."""

    def __call__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        *arguments: str,
    ) -> BodyApi:
        """Called as a DialectFactory; arguments: what the groups of the route's path matched."""


@dataclass(frozen=True, slots=True)
class Target:
    """What answers the requests of a route of another server's API.

    kind: which of the protocols above the API implements.
    """

    make: ApiFactory
    kind: Literal["recognition", "key_in_body", "several", "call"] = "recognition"


Targets = Mapping[str, Target]  # by the names in server/settings/dialects.py
