"""What all handlers share: request ids, the one shape of errors, streamed bodies."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Collection
from typing import Any

import tornado.web

from ocr_engine.errors import EngineError
from server.body import INLINE_BYTES, BodyReader, body_reader, decode_text, unique_fields
from server.context import ServerContext
from server.errors import (
    BadField,
    BadRequest,
    BodyTooLarge,
    MethodNotAllowed,
    NotFound,
    PublicError,
    ServiceError,
    public_error,
    shown,
)
from server.formats import JSON_TYPE, Envelope, dump, render, server_timing
from server.request_fields import Format
from server.service import Answer

log = logging.getLogger("server.request")

LINGER_SECONDS = 2.0

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


@tornado.web.stream_request_body
class BaseHandler(tornado.web.RequestHandler):
    """Answers with JSON, an X-Request-Id and errors of one shape.

    Every handler reads its body as a stream: Tornado would collect it whole, whatever its size.
    """

    def initialize(self, context: ServerContext) -> None:
        """Called by Tornado with what the route table says."""
        self.context = context
        self.error_code = ""

    def set_default_headers(self) -> None:
        """Headers on every answer."""
        given = self.request.headers.get("X-Request-Id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        self.set_header("X-Request-Id", self.request_id)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Server", "ocr-server")

    def data_received(self, chunk: bytes) -> None:
        """A body where none is expected is read and thrown away."""

    def compute_etag(self) -> str | None:
        """Tornado would hash every body; handlers that have a tag set it themselves."""
        return None

    def query_fields(self, known: Collection[str]) -> dict[str, str]:
        """The parameters of the query string; BadField for one unknown, repeated or no text."""
        pairs = [
            (name, value)
            for name, values in self.request.query_arguments.items()
            for value in values
        ]
        fields = {}
        for name, value in unique_fields(pairs).items():
            if name not in known:
                raise BadField(f"unknown parameter {shown(name)!r}; known are {', '.join(known)}")
            fields[name] = decode_text(name, value)
        return fields

    def send_json(self, value: Any, status: int = 200) -> None:
        """Finish with a JSON body."""
        self.set_status(status)
        self.set_header("Content-Type", JSON_TYPE)
        self.finish(dump(value))

    async def send_answer(self, answer: Answer, chosen: Format, envelope: Envelope) -> None:
        """Finish with a recognized text; a very long one is rendered in a thread."""
        if len(answer.data) > INLINE_BYTES:
            content_type, body = await asyncio.to_thread(render, answer, chosen, envelope)
        else:
            content_type, body = render(answer, chosen, envelope)
        self.set_header("Content-Type", content_type)
        self.set_header("X-Cache", envelope.outcome)
        self.set_header("Server-Timing", server_timing(answer, envelope.elapsed_ms))
        if answer.age is not None:
            self.set_header("Age", str(int(answer.age)))
        self.finish(body)

    def send_problem(self, error: BaseException) -> None:
        """Finish with an error."""
        self.finish(self.prepare_problem(error))

    def prepare_problem(self, error: BaseException) -> bytes:
        """Set status and headers for an error, and give its body.

        What is unforeseen goes to the log under the request id.
        """
        problem = public_error(error)
        self.error_code = problem.code
        if problem.status == 500:
            log.error("request %s failed", self.request_id, exc_info=error)
        if problem.retry_after is not None:
            self.set_header("Retry-After", str(problem.retry_after))
        self.set_status(problem.status)
        self.set_header("Content-Type", JSON_TYPE)
        return dump(error_body(problem, self.request_id))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tornado's own errors, in our shape."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if status_code == 404:
            error = NotFound("there is no such page")
        elif status_code == 405:
            allowed = ", ".join(self._allowed_methods())
            self.set_header("Allow", allowed)
            if self.request.method not in self.SUPPORTED_METHODS:  # the body is not read
                self.set_header("Connection", "close")
            error = MethodNotAllowed(f"{self.request.method} is not possible here; {allowed} is")
        elif isinstance(error, tornado.web.HTTPError) and status_code < 500:
            error = BadRequest(error.log_message or "the request is not valid")
        self.send_problem(error or RuntimeError(f"status {status_code}"))

    def _allowed_methods(self) -> list[str]:
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


class StreamedHandler(BaseHandler):
    """Reads its body piece by piece and refuses it as soon as it is plainly wrong."""

    raw_picture = False

    def initialize(self, context: ServerContext) -> None:
        """See BaseHandler.initialize."""
        super().initialize(context)
        self.refused = False
        self.reader: BodyReader | None = None
        self._received = 0

    def prepare(self) -> None:
        """Refuse by the headers alone where they are enough."""
        if self.request.method != "POST":
            return
        try:
            announced = self.request.headers.get("Content-Length", "0")
            self._check_length(int(announced) if announced.isdecimal() else 0)
            content_type = self.request.headers.get("Content-Type", "")
            self.reader = body_reader(content_type, self.raw_picture)
        except (ServiceError, EngineError) as error:
            self._refuse(error)

    def data_received(self, chunk: bytes) -> None:
        """Called by Tornado for every piece of the body."""
        if self.refused or self.reader is None:
            return
        try:
            self._check_length(self._received + len(chunk))
            self._received += len(chunk)
            self.context.inflight.received += len(chunk)
            self.reader.feed(chunk)
        except (ServiceError, EngineError) as error:
            self._refuse(error)

    def drop_body(self) -> None:
        """The body is with the pool now, or nobody needs it."""
        self.context.inflight.received -= self._received
        self._received = 0
        self.reader = None

    def _check_length(self, length: int) -> None:
        """Whether a body of so many bytes is accepted, now."""
        most = self.context.max_body_bytes
        if length > most:
            raise BodyTooLarge(f"the body is larger than the limit of {most} bytes")
        self.context.inflight.check(length - self._received)

    def _refuse(self, error: ServiceError | EngineError) -> None:
        """Answer before the body is all there, and read on so that a busy sender hears it.

        finish() comes when the body has ended (Tornado calls it after post()) or took too long.
        """
        self.refused = True
        self.drop_body()
        self.set_header("Connection", "close")
        body = self.prepare_problem(error)
        self.set_header("Content-Length", str(len(body)))
        self.write(body)
        self.flush()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end_refusal)

    def _end_refusal(self) -> None:
        if not self._finished:
            self.finish()

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """See RequestHandler.finish; after a refusal the connection is closed."""
        flushed = super().finish(chunk)
        if self.refused:
            stream = getattr(self.request.connection, "stream", None)
            if stream is not None:
                flushed.add_done_callback(lambda _: stream.close())
        return flushed


def error_body(problem: PublicError, request_id: str) -> dict[str, Any]:
    """The body of every error."""
    return {
        "status": "error",
        "error": {"code": problem.code, "message": problem.message, "request_id": request_id},
    }
