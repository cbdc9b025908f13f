"""One request whose body is taken piece by piece, and its answer: straight on the connection.

A RequestHandler that takes its body as a stream costs a task and two turns of the loop before the
body may come, which is half of what a cached answer costs (docs/decisions/0012).
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.client import responses

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

from ocr_engine.errors import EngineError
from server.client_stream import ClientStream
from server.context import ServerContext
from server.errors import BodyTooLarge, MethodNotAllowed, ServiceError
from server.handlers.base import log_request, write_parts, wrong_method
from server.intake.body import BodyReader, body_reader
from server.replies import (
    Reply,
    admitted,
    common_headers,
    problem_reply,
    request_id,
)
from server.service.outgoing import LARGE_BYTES

LINGER_SECONDS = 2.0
CLIENT_LEFT = 499  # as nginx logs it


class Exchange(HTTPMessageDelegate, ABC):
    """A POST and its answer; refuses the body as soon as it is plainly wrong.

    Tornado calls headers_received, data_received and finish, or on_connection_close.
    """

    raw_picture = False

    def __init__(self, context: ServerContext, request: HTTPServerRequest) -> None:
        assert isinstance(request.connection, HTTP1Connection)
        assert isinstance(request.connection.stream, ClientStream)
        self.context = context
        self.request = request
        self.request_id = request_id(request.headers.get("X-Request-Id"))
        self.reader: BodyReader | None = None
        self.gone = False
        self._connection = request.connection
        self._stream = request.connection.stream
        self._started = time.perf_counter()
        self._open = False
        self._refusal: Reply | None = None
        self._refusing = False
        self._received = 0
        self._body_timer: asyncio.TimerHandle | None = None

    @abstractmethod
    def body_complete(self, reader: BodyReader) -> None:
        """The body is all there: send() an answer, now or later."""

    def elapsed_ms(self) -> float:
        """Since the headers came."""
        return (time.perf_counter() - self._started) * 1000

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        """Count the request in, and refuse it by the headers alone where they are enough."""
        self.context.open_requests += 1
        self._open = True
        self._connection.set_close_callback(self.on_connection_close)
        try:
            if self.request.method != "POST":
                raise wrong_method(self.request, ["POST"])
            announced = headers.get("Content-Length", "0")
            self._check_length(int(announced) if announced.isdecimal() else 0)
            self.reader = body_reader(headers.get("Content-Type", ""), self.raw_picture)
        except (ServiceError, EngineError) as error:
            self._refuse(error)
        else:
            self._limit_time()

    def data_received(self, chunk: bytes) -> None:
        """The next piece of the body."""
        if self.reader is None:
            return
        try:
            self._check_length(self._received + len(chunk))
            self._received += len(chunk)
            self.context.inflight.received += len(chunk)
            self.reader.feed(chunk)
        except (ServiceError, EngineError) as error:
            self._refuse(error)

    def finish(self) -> None:
        """The request has ended."""
        if self._body_timer is not None:
            self._body_timer.cancel()
        if self._refusal is not None:
            self._end_refusal()
        elif self.reader is not None:
            self.body_complete(self.reader)

    def on_connection_close(self) -> None:
        """The client went away before it had its answer."""
        self.gone = True
        self.drop_body()
        if self._refusal is not None:
            self._count_out(self._refusal.status, self._refusal.error)
        self._count_out(CLIENT_LEFT, "client_left")

    def send(self, reply: Reply) -> None:
        """Answer, and count the request out when that has left; draining waits for it."""
        if self.gone:
            return
        reply = admitted(reply, self.context.inflight, self.request_id)

        def end(taken: bool) -> None:
            if taken:
                self._count_out(reply.status, reply.error)
            else:
                self._count_out(CLIENT_LEFT, "client_left")

        self._write(reply)
        self._stream.when_taken(end)
        self._connection.finish()

    def drop_body(self) -> None:
        """The body is with the pool now, or nobody needs it."""
        self.context.inflight.received -= self._received
        self._received = 0
        self.reader = None
        if self._body_timer is not None:
            self._body_timer.cancel()

    def _check_length(self, length: int) -> None:
        """Whether a body of so many bytes is accepted, now."""
        most = self.context.max_body_bytes
        if length > most:
            raise BodyTooLarge(f"the body is larger than the limit of {most} bytes")
        self.context.inflight.check(length - self._received)

    def _limit_time(self) -> None:
        """Close the connection if the body takes too long; Tornado would make a task for that."""
        seconds = self._connection.params.body_timeout
        self._connection.set_body_timeout(None)  # type: ignore[arg-type]
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._body_timer = loop.call_later(seconds, self._connection.close)

    def _write(self, reply: Reply, more: Mapping[str, str] | None = None) -> None:
        """Put an answer on the wire, with more headers; only a small body is copied for that."""
        length = reply.length
        headers = {**common_headers(self.request_id), **reply.headers, **(more or {})}
        headers["Content-Length"] = str(length)
        start = ResponseStartLine("HTTP/1.1", reply.status, responses[reply.status])
        body = reply.body if self.request.method != "HEAD" else ()
        if length <= LARGE_BYTES:
            self._connection.write_headers(start, HTTPHeaders(headers), b"".join(body))
        else:
            self._connection.write_headers(start, HTTPHeaders(headers))
            write_parts(self._connection, body)

    def _refuse(self, error: ServiceError | EngineError) -> None:
        """Answer before the body is all there, and read on so that a busy sender hears it.

        The end comes with the end of the body, or when that takes too long.
        """
        self.drop_body()
        more = {"Connection": "close"}
        if isinstance(error, MethodNotAllowed):
            more["Allow"] = "POST"
        self._refusal = problem_reply(error, self.request_id)
        self._refusing = True
        self._write(self._refusal, more)
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end_refusal)

    def _end_refusal(self) -> None:
        if self._refusing and not self.gone:
            self._refusing = False
            self._connection.finish()
            self._stream.when_taken(self._close_refused)

    def _close_refused(self, _: bool) -> None:
        if self._refusal is not None:
            self._count_out(self._refusal.status, self._refusal.error)
        self._connection.close()

    def _count_out(self, status: int, error: str) -> None:
        """Count the request out, once."""
        if self._open:
            self._open = False
            self.context.open_requests -= 1
            self.context.metrics.count_request(status, error, self.elapsed_ms() / 1000)
            log_request(self.request, status, self.request_id)
