"""What all handlers share: their scope, the one shape of errors, unexpected bodies discarded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tornado.web
from tornado.httputil import HTTPConnection, HTTPServerRequest

from ocr_engine.errors import EngineError
from server.errors import BadRequest, MethodNotAllowed, NotFound, ServiceError
from server.formats.answer import Answer, Body, Envelope
from server.formats.registry import Format
from server.http.context import ServerContext
from server.http.replies import (
    Reply,
    admitted,
    common_headers,
    json_reply,
    logged_problem,
    problem_reply,
    rendered_reply,
)
from server.http.request_scope import RequestScope
from server.intake.fields import query_fields
from server.service.outgoing import LARGE_BYTES


@tornado.web.stream_request_body
class BaseHandler(tornado.web.RequestHandler):
    """Answers with JSON, an X-Request-Id and errors of one shape.

    Every handler reads its body as a stream: Tornado would collect it whole, whatever its size.
    """

    def __init__(
        self,
        application: tornado.web.Application,
        request: HTTPServerRequest,
        context: ServerContext,
        **given: Any,
    ) -> None:
        self.context = context
        self.scope = RequestScope.enter(context, request)
        super().__init__(application, request, **given)  # asks for headers, which have the id

    def initialize(self) -> None:
        """Called by Tornado with what the route table says, beside the context."""

    def set_default_headers(self) -> None:
        """Headers on every answer."""
        self._set_headers(common_headers(self.scope.request_id))

    def on_finish(self) -> None:
        """The answer is written."""
        self.scope.leave()

    def on_connection_close(self) -> None:
        """The client went away before it had its answer."""
        super().on_connection_close()
        self.scope.client_left()

    def data_received(self, chunk: bytes) -> None:
        """A body where none is expected is read and thrown away."""

    def compute_etag(self) -> str | None:
        """Tornado would hash every body; handlers that have a tag set it themselves."""
        return None

    def query_fields(self, known: Collection[str]) -> dict[str, str]:
        """The parameters of the query string, see fields.py."""
        return query_fields(self.request.query_arguments, known)

    def send(self, reply: Reply) -> None:
        """Finish with this answer; a large body is sent as it is, not copied."""
        reply = admitted(reply, self.context.inflight, self.problem)
        length = reply.length
        self.scope.note(reply, length if self.request.method != "HEAD" else 0)
        self.set_status(reply.status)
        self._set_headers(reply.headers)
        self.set_header("Content-Length", str(length))
        if self.request.method == "HEAD":
            self.finish()
        elif length <= LARGE_BYTES:
            self.finish(b"".join(reply.body))
        else:
            self._send_parts(reply.body)

    def send_unless_known(self, reply: Reply) -> None:
        """Finish with this answer, or with 304 if the client has what its ETag names."""
        self._set_headers(reply.headers)
        if self.check_etag_header():
            self.send_empty(304)
        else:
            self.send(reply)

    def send_empty(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Finish with a status that has no body: 204 or 304."""
        reply = Reply(status, headers or {}, ())
        self.scope.note(reply, 0)
        self.set_status(status)
        self._set_headers(reply.headers)
        self.finish()

    def send_json(self, value: Any, status: int = 200) -> None:
        """Finish with a JSON body."""
        self.send(json_reply(value, status))

    async def send_answer(self, answer: Answer, chosen: Format, envelope: Envelope) -> None:
        """Finish with a recognized text."""
        self.send(await rendered_reply(answer, chosen, envelope))

    def problem(self, error: BaseException) -> Reply:
        """The answer that tells of an error."""
        request_id = self.scope.request_id
        return problem_reply(logged_problem(error, request_id), request_id)

    def send_problem(self, error: BaseException) -> None:
        """Finish with an error."""
        self.send(self.problem(error))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tornado's own errors, in our shape."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if status_code == 404:
            error = NotFound("there is no such page")
        elif status_code == 405:
            allowed = self._allowed_methods()
            self.set_header("Allow", ", ".join(allowed))
            if self.request.method not in self.SUPPORTED_METHODS:  # the body is not read
                self.set_header("Connection", "close")
            error = wrong_method(self.request, allowed)
        elif isinstance(error, tornado.web.HTTPError) and status_code < 500:
            error = BadRequest(error.log_message or "the request is not valid")
        self.send_problem(error or RuntimeError(f"status {status_code}"))

    def _send_parts(self, body: Body) -> None:
        """RequestHandler.write() would take bytes only, and join them."""
        assert self.request.connection is not None
        self.flush()
        write_parts(self.request.connection, body)
        self.finish()

    def _set_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)

    def _allowed_methods(self) -> list[str]:
        # Tornado has no public way to ask; this is what it compares with itself.
        unimplemented = tornado.web.RequestHandler._unimplemented_method
        return [
            method
            for method in ("GET", "HEAD", "POST", "DELETE")
            if getattr(type(self), method.lower()) is not unimplemented
        ]

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors that clients are told of are no news for the log."""
        if not isinstance(value, ServiceError | EngineError | tornado.web.HTTPError):
            super().log_exception(typ, value, tb)


class NotFoundHandler(BaseHandler):
    """Every path that no route has."""

    def prepare(self) -> None:
        """404 before any body is read; Tornado then closes the connection."""
        if {"Content-Length", "Transfer-Encoding"} & set(self.request.headers):
            self.set_header("Connection", "close")
            self.get()

    def get(self) -> None:
        """404."""
        self.send_problem(NotFound("there is no such page"))

    head = post = put = patch = delete = options = get


def write_parts(connection: HTTPConnection, body: Body) -> None:
    """Write a body after its headers; Tornado copies none of it."""
    for part in body:
        connection.write(part)


def wrong_method(request: HTTPServerRequest, allowed: Sequence[str]) -> MethodNotAllowed:
    """The error of a page that exists for other methods."""
    return MethodNotAllowed(f"{request.method} is not possible here; {', '.join(allowed)} is")
