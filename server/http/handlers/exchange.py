"""A streaming request handler on HTTPMessageDelegate, below Tornado's RequestHandler.

A RequestHandler with a streamed body costs a task and two turns of the event loop before the body
arrives, which is half the time of a cached answer (docs/decisions/0012).
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextvars import copy_context

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

from ocr_engine.errors import EngineError
from ocr_engine.tracing import CURRENT
from server.errors import MethodNotAllowed, ServiceError
from server.http.announced_length import announced_length
from server.http.client_stream import stream_of
from server.http.context import ServerContext
from server.http.dialects.dialect import BodyApi
from server.http.gate import admit
from server.http.handlers.base import wrong_method
from server.http.handlers.body_size import check_size
from server.http.handlers.exchange_state import State
from server.http.handlers.incoming_body import IncomingBody
from server.http.handlers.writing import AnswerWriter
from server.http.replies import Reply, admitted, logged_problem
from server.http.request_scope import CLIENT_LEFT, CLIENT_LEFT_CODE, RequestScope
from server.intake.body import BodyReader

LINGER_SECONDS = 2.0


class Exchange(HTTPMessageDelegate, ABC):
    """A request with a body, and its answer; refuses an invalid body as early as possible.

    Tornado calls headers_received, data_received and finish, or on_connection_close.

        RECEIVING --finish--> WORKING --send--> ANSWERED
            |                     |             the scope ends when the answer is sent
            |                     +--stream--> STREAMING --the last part--> ANSWERED
            +--refuse--> REFUSED --finish, or after LINGER_SECONDS--> CLOSING
                         the answer is sent,                          scope and connection end
                         the rest of the body dropped                 when the answer is sent

    If the client disconnects, any state becomes GONE and the scope ends. After a refusal, the scope
    ends as refused, because clients often disconnect when they get an early answer.
    """

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        dialect: BodyApi,
    ) -> None:
        assert isinstance(request.connection, HTTP1Connection)
        self.context = context
        self.request = request
        self.scope = scope
        self.dialect = dialect
        self._connection = request.connection
        self._stream = stream_of(request)
        self._state = State.RECEIVING
        self._body = IncomingBody(context.inflight, scope, self._stream)
        self._answering: asyncio.Task[None] | None = None

    @abstractmethod
    def body_complete(self, reader: BodyReader) -> None:
        """Called when the body is complete; must call send(), now or later."""

    @property
    def gone(self) -> bool:
        """Whether the client has disconnected."""
        return self._state is State.GONE

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Check the headers, and refuse the request if they are invalid or it is not admitted."""
        self._connection.set_close_callback(self.on_connection_close)
        try:
            if self.request.method not in self.dialect.methods:
                raise wrong_method(self.request, self.dialect.methods)
            waiting = self.admit()
        except Exception as error:
            self._refuse(error)
            return None
        if waiting is not None:
            return self._admitted(waiting, headers)
        self._prepare(headers)
        return None

    def admit(self) -> Awaitable[None] | None:
        """Admit the request by its headers; see gate.py."""
        needed, key_of = self.dialect.needs, self.dialect.key
        return admit(self.context, self.request, self.scope, needed, key_of=key_of)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Called by Tornado with the next chunk of the body; Tornado waits for what is returned."""
        reader = self._body.reader
        if reader is None:
            return None
        try:
            self._check_length(self._body.held + len(chunk))
            self._body.feed(reader, chunk)
        except (ServiceError, EngineError) as error:
            self._refuse(error)
            return None
        return self._flush() if self._body.is_due else None

    def finish(self) -> None:
        """Called by Tornado when the request is complete."""
        self._stream.expect_nothing()
        if self._state is State.REFUSED:
            self._end_refusal()
        elif self._body.reader is not None:
            self._state = State.WORKING
            if self.scope.trace is not None:
                self.scope.trace.note("receive", self.scope.started)
            self.body_complete(self._body.reader)

    def on_connection_close(self) -> None:
        """Called by Tornado when the client disconnects before it has its answer."""
        before, self._state = self._state, State.GONE
        self.drop_body()
        if before is State.WORKING:
            self.scope.count(Reply(CLIENT_LEFT, {}, (), CLIENT_LEFT_CODE))
        if before in (State.REFUSED, State.CLOSING):
            self.scope.leave()
        elif before is State.STREAMING:
            self.stop_answering()  # then stream() ends the scope
        else:
            self.scope.client_left()

    def problem(self, error: BaseException) -> Reply:
        """The reply for an error."""
        return self.dialect.problem(logged_problem(error, self.scope.request_id))

    def send(self, reply: Reply) -> None:
        """Send the answer, and end the scope when it is sent; draining waits for that."""
        if self._state is State.GONE:
            return
        self._state = State.ANSWERED
        if (trace := self.scope.trace) is not None:
            began = time.monotonic()
            self.scope.at_end(lambda _: trace.note("answer", began))  # when the client has it
        reply = admitted(reply, self.context.inflight, self.problem)
        self.scope.count(reply)
        self._writer().write(reply)
        self._stream.when_taken(self.scope.leave)
        self._connection.finish()

    def answer_with(self, answer: Awaitable[Reply]) -> None:
        """Send this answer when it is ready, or the reply for its error."""
        trace, context = self.scope.trace, None
        if trace is not None:
            context = copy_context()
            context.run(CURRENT.set, trace)
        loop = asyncio.get_running_loop()
        self._answering = loop.create_task(self._send_when_ready(answer), context=context)

    def stop_answering(self) -> None:
        """Cancel the answer: the client has disconnected."""
        if self._answering is not None:
            self._answering.cancel()

    def drop_body(self) -> None:
        """Release the body: the pool has it now, or it is not needed."""
        self._body.drop()

    async def _send_when_ready(self, answer: Awaitable[Reply]) -> None:
        try:
            reply = await answer
        except asyncio.CancelledError:
            self._end_answering()
            return  # the client disconnected while its answer was awaited
        except Exception as error:
            reply = self.problem(error)
        if reply.stream is not None:
            await self._send_stream(reply)
            self._end_answering()
            return
        self._end_answering()
        self.send(reply)

    async def _send_stream(self, reply: Reply) -> None:
        """Send a reply part by part.

        The scope is counted when the last part is sent: how much was done is known only then.
        """
        assert reply.stream is not None
        size = 0
        if self._state is State.WORKING:
            self._state = State.STREAMING
            try:
                size = await self._writer().stream(reply)
            except Exception as error:  # too late for another answer: cut this one off
                logged_problem(error, self.scope.request_id)
                self._state = State.GONE
                self._connection.close()
        await reply.stream.aclose()
        self.scope.count(reply)
        if self._state is State.GONE:
            self.scope.client_left()
            return
        self._state = State.ANSWERED
        self.scope.note(reply, size)
        self._stream.when_taken(self.scope.leave)
        self._connection.finish()

    def _end_answering(self) -> None:
        self._answering = None
        self.drop_body()

    async def _flush(self) -> None:
        """Write a part of a document to the disk; then the time limit starts again."""
        self._stream.expect_nothing()
        try:
            await self._body.flush()
        except ServiceError as error:
            if self._state is State.RECEIVING:
                self._refuse(error)
            return
        if self._state is State.RECEIVING:
            self._body.expect_more()

    async def _admitted(self, waiting: Awaitable[None], headers: HTTPHeaders) -> None:
        """Wait until the key has been looked up; Tornado reads no body meanwhile."""
        try:
            await waiting
        except Exception as error:
            if not self.gone:
                self._refuse(error)
        else:
            if not self.gone:
                self._prepare(headers)

    def _prepare(self, headers: HTTPHeaders) -> None:
        """Get ready for the body of an admitted request."""
        try:
            self._check_length(announced_length(headers))
            self._body.expect(self.dialect.reader(), self._connection)
        except (ServiceError, EngineError) as error:
            self._refuse(error)

    def _check_length(self, length: int) -> None:
        """Raise an error if the server cannot take a body of this many bytes into memory now."""
        check_size(self.context, self.scope, self.dialect, self._body, length)

    def _writer(self) -> AnswerWriter:
        return AnswerWriter(self.context, self.request, self.scope, self._connection)

    def _refuse(self, error: Exception) -> None:
        """Answer before the body is complete, and keep draining the body.

        So a client that is still sending receives the answer. The exchange ends with the body, or
        when the body takes too long.
        """
        self.drop_body()
        self._stream.expect_nothing()
        self._state = State.REFUSED
        more = {"Connection": "close"}
        if isinstance(error, MethodNotAllowed):
            more["Allow"] = ", ".join(self.dialect.methods)
        reply = self.problem(error)
        self.scope.count(reply)
        self._writer().write(reply, more)
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end_refusal)

    def _end_refusal(self) -> None:
        if self._state is State.REFUSED:
            self._state = State.CLOSING
            self._connection.finish()
            self._stream.when_taken(self._close_refused)

    def _close_refused(self, _: bool) -> None:
        self.scope.leave()
        self._connection.close()
