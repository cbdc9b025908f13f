"""What the front end needs to know of an API: the protocol Dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tornado.httputil import HTTPServerRequest

from server.formats.answer import Answer, CacheOutcome
from server.http.context import ServerContext
from server.http.errors import PublicError
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.service.jobs import JobRecord


class Dialect(Protocol):
    """One request in the words of one API; on the event loop, but for a render() that is long.

    Made for each request when its headers have come, so that it can keep what its answers repeat,
    as the id that some clients send in the body. An error may come before there is a body, and
    may be written with any status, also 200. Where the API carries a key in the body, parse()
    finds it, and sets scope.principal; those in headers are there from the beginning.
    """

    @property
    def methods(self) -> Sequence[str]:
        """The HTTP methods that it takes, each with a body."""

    def reader(self) -> BodyReader:
        """What reads the body, by the headers; its Form may hold any JSON.

        ServiceError if such a body is not accepted.
        """

    def parse(self, form: Form) -> OcrRequest:
        """What is asked for; ServiceError or EngineError if that is not possible."""

    def is_long(self, answer: Answer, asked: OcrRequest) -> bool:
        """Whether render() takes so long that it belongs into a thread."""

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """The recognized text."""

    def accepted(self, job: JobRecord) -> Reply:
        """The job that will have the text, for a request that does not wait for it."""

    def problem(self, problem: PublicError) -> Reply:
        """An error; its code stays in the reply for the metrics."""


class DialectFactory(Protocol):
    """Makes the dialect of a request; a dialect's class is one."""

    def __call__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope
    ) -> Dialect:
        """The request has its headers, and no body yet."""
