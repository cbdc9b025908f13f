"""Base class of the request handlers: request scope, JSON errors, no unexpected bodies."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, ClassVar

import tornado.web
from tornado.httputil import HTTPConnection, HTTPServerRequest
from tornado.iostream import StreamClosedError

from ocr_engine.errors import EngineError
from server.errors import BadRequest, BodyTooLarge, MethodNotAllowed, NotFound, ServiceError
from server.formats.answer import Answer, Body, Envelope
from server.formats.rendering import Rendering
from server.http.announced_length import announced_length
from server.http.context import ServerContext
from server.http.gate import admit
from server.http.origins import PREFLIGHT_HEADERS
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
from server.principal import Scope
from server.service.outgoing import LARGE_BYTES
from server.settings.dialects import DIALECTS


@tornado.web.stream_request_body
class BaseHandler(tornado.web.RequestHandler):
    """A request handler with a request scope and JSON errors.

    Every handler reads its body as a stream, because Tornado would collect it in memory. needs:
    the scope that a user needs; None: the route is public. limited: whether limits apply.
    """

    needs: Scope | None = "read"
    limited: ClassVar[bool] = True

    def __init__(
        self,
        application: tornado.web.Application,
        request: HTTPServerRequest,
        context: ServerContext,
        **given: Any,
    ) -> None:
        self.context = context
        self.scope = RequestScope.enter(context, request)
        super().__init__(application, request, **given)  # sets headers, which need the request id

    def initialize(self) -> None:
        """Called by Tornado with the arguments of the route."""

    def prepare(self) -> Awaitable[None] | None:
        """Called by Tornado after the headers: admit the request, or answer why not."""
        if self.request.method not in self._allowed_methods():
            raise tornado.web.HTTPError(405)
        try:
            if announced_length(self.request.headers) > self.context.max_body_bytes:
                raise BodyTooLarge(
                    f"the body is larger than the limit of {self.context.max_body_bytes} bytes"
                )
            waiting = admit(self.context, self.request, self.scope, self.needs, self.limited)
            if waiting is None:
                waiting = self.check_access()  # after the check of origins in admit()
        except Exception as error:
            self.refuse(error)
            return None
        return None if waiting is None else self._admitted(waiting)

    def check_access(self) -> Awaitable[None] | None:
        """What a public route asks for instead of a key; ServiceError if the request lacks it.

        Returns an awaitable only if Redis must be asked for the limits.
        """
        return None

    def refuse(self, error: Exception) -> None:
        """Answer a request that was not admitted, without reading its body.

        If there is no body, the handler's method sends the answer, because Tornado would close the
        connection after an answer from prepare().
        """

        def answer(*_: str) -> None:
            self.send_problem(error)

        if self._has_body():
            self.set_header("Connection", "close")
            answer()
        else:
            assert self.request.method is not None
            setattr(self, self.request.method.lower(), answer)

    def set_default_headers(self) -> None:
        """Set the headers of every answer."""
        self._set_headers(common_headers(self.scope.request_id))
        self._set_headers(self.context.origins.answer_headers(self.request))

    def on_finish(self) -> None:
        """Called by Tornado when the answer is written."""
        self.scope.leave()

    def on_connection_close(self) -> None:
        """Called by Tornado when the client disconnects before the answer is written."""
        super().on_connection_close()
        self.scope.client_left()

    def data_received(self, chunk: bytes) -> None:
        """Discard an unexpected request body."""

    def compute_etag(self) -> str | None:
        """None: handlers set their own ETag, and Tornado would hash every body."""
        return None

    def query_fields(self, known: Collection[str]) -> dict[str, str]:
        """The parameters of the query string, see intake/fields.py."""
        return query_fields(self.request.query_arguments, known)

    def send(self, reply: Reply) -> None:
        """Send this reply; a large body is not copied."""
        reply = admitted(reply, self.context.inflight, self.problem)
        length = reply.length
        self.scope.note(reply, length if self.request.method != "HEAD" else 0)
        self.set_status(reply.status)
        self._set_headers({**reply.headers, **self.scope.limit_headers()})
        self.set_header("Content-Length", str(length))
        if self.request.method == "HEAD":
            self.finish()
        elif length <= LARGE_BYTES:
            self.finish(b"".join(reply.body))
        else:
            self._send_parts(reply.body)

    async def send_stream(self, reply: Reply) -> None:
        """Send a reply part by part, no faster than the client takes it."""
        assert reply.stream is not None
        self.scope.note(reply, int(reply.headers.get("Content-Length", 0)))
        self.set_status(reply.status)
        self._set_headers({**reply.headers, **self.scope.limit_headers()})
        async with contextlib.aclosing(reply.stream) as parts:
            with contextlib.suppress(StreamClosedError):
                async for part in parts:
                    self.write(part)
                    await self.flush()
                await self.finish()

    def send_unless_known(self, reply: Reply) -> None:
        """Send this reply, or 304 if the client already has the version in the ETag."""
        self._set_headers(reply.headers)
        if self.check_etag_header():
            self.send_empty(304)
        else:
            self.send(reply)

    def send_empty(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Send a status without a body: 204 or 304."""
        reply = Reply(status, headers or {}, ())
        self.scope.note(reply, 0)
        self.set_status(status)
        self._set_headers({**reply.headers, **self.scope.limit_headers()})
        self.finish()

    def send_json(self, value: Any, status: int = 200) -> None:
        """Send a JSON body."""
        self.send(json_reply(value, status))

    async def send_answer(self, answer: Answer, rendering: Rendering, envelope: Envelope) -> None:
        """Send a result as it was asked for."""
        answer = await self.context.converter.converted(answer, rendering)
        self.send(await rendered_reply(answer, rendering, envelope))

    def problem(self, error: BaseException) -> Reply:
        """The reply for an error."""
        request_id = self.scope.request_id
        return problem_reply(logged_problem(error, request_id), request_id)

    def send_problem(self, error: BaseException) -> None:
        """Send the reply for an error."""
        self.send(self.problem(error))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send Tornado's own errors as JSON."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if status_code == 404:
            error = NotFound("no page has this address")
        elif status_code == 405:
            allowed = self._allowed_methods()
            self.set_header("Allow", ", ".join(allowed))
            if self.request.method not in self.SUPPORTED_METHODS:  # the body is not read
                self.set_header("Connection", "close")
            error = wrong_method(self.request, allowed)
        elif isinstance(error, tornado.web.HTTPError) and status_code < 500:
            error = BadRequest(error.log_message or "the request is invalid")
        self.send_problem(error or RuntimeError(f"status {status_code}"))

    async def _admitted(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:
            self.refuse(error)

    def _has_body(self) -> bool:
        return bool({"Content-Length", "Transfer-Encoding"} & set(self.request.headers))

    def _send_parts(self, body: Body) -> None:
        """Write the parts of a body; RequestHandler.write() would join them."""
        assert self.request.connection is not None
        self.flush()
        write_parts(self.request.connection, body)
        self.finish()

    def _set_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)

    def _allowed_methods(self) -> list[str]:
        # Tornado has no public method for this; it uses the same comparison internally.
        unimplemented = tornado.web.RequestHandler._unimplemented_method
        return [
            method
            for method in ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
            if getattr(type(self), method.lower()) is not unimplemented
        ]

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Do not log client errors."""
        if not isinstance(value, ServiceError | EngineError | tornado.web.HTTPError):
            super().log_exception(typ, value, tb)


class PreflightHandler(BaseHandler):
    """The answer to a browser that asks whether a page of an allowed site may send a request."""

    needs = None

    def options(self) -> None:
        """204 for every address; the request that follows is refused if its method is wrong."""
        self.scope.quiet = True
        self.send_empty(204, PREFLIGHT_HEADERS)


class NotFoundHandler(BaseHandler):
    """404 for paths without a route."""

    needs = None

    def prepare(self) -> None:
        """Answer 404 before any body is read; Tornado then closes the connection."""
        if self._has_body():
            self.set_header("Connection", "close")
            self.get()

    def get(self) -> None:
        """404; if a setting would switch the address on, the message says which one."""
        self.send_problem(NotFound(f"no page has this address{self._switched_off()}"))

    head = post = put = patch = delete = options = get

    def _switched_off(self) -> str:
        path, on = self.request.path, self.context.settings.web_server.dialects
        if self.context.node is not None:
            return ""
        if path == "/mcp":
            return ": agents are switched off; mcp.enabled switches them on"
        names = [row.name for row in DIALECTS if row.name not in on and row.has(path)]
        if not names:
            return ""
        dialects = " or ".join(names)
        return f": it is that of the dialect {dialects}, which web_server.dialects switches on"


def write_parts(connection: HTTPConnection, body: Body) -> None:
    """Write a body after its headers, without copying it."""
    for part in body:
        connection.write(part)


def wrong_method(request: HTTPServerRequest, allowed: Sequence[str]) -> MethodNotAllowed:
    """405 Method Not Allowed."""
    return MethodNotAllowed(f"{request.method} is not allowed here; use {', '.join(allowed)}")
