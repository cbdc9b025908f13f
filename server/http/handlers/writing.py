"""Writes an answer to the connection of its request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from http.client import responses

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.iostream import StreamClosedError

from server.http.context import ServerContext
from server.http.handlers.base import write_parts
from server.http.replies import Reply, common_headers
from server.http.request_scope import RequestScope
from server.service.outgoing import LARGE_BYTES


class AnswerWriter:
    """Writes the answer to a request."""

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        connection: HTTP1Connection,
    ) -> None:
        self._origins = context.origins
        self._request = request
        self._scope = scope
        self._connection = connection

    def write(self, reply: Reply, more: Mapping[str, str] | None = None) -> None:
        """Write an answer with additional headers; only a small body is copied."""
        length = reply.length
        body = reply.body if self._request.method != "HEAD" else ()
        self._scope.note(reply, length if body else 0)
        headers = self._headers(reply, more)
        headers["Content-Length"] = str(length)
        start = _start_line(reply)
        if length <= LARGE_BYTES:
            self._connection.write_headers(start, HTTPHeaders(headers), b"".join(body))
        else:
            self._connection.write_headers(start, HTTPHeaders(headers))
            write_parts(self._connection, body)

    async def stream(self, reply: Reply) -> int:
        """Write an answer part by part, no faster than the client takes it; returns its bytes.

        Ends early if the client disconnects or the task is cancelled.
        """
        assert reply.stream is not None
        size = 0
        headers = HTTPHeaders(self._headers(reply))
        with contextlib.suppress(StreamClosedError, asyncio.CancelledError):
            await self._connection.write_headers(_start_line(reply), headers)
            async for part in reply.stream:
                size += len(part)
                await self._connection.write(part)
        return size

    def _headers(self, reply: Reply, more: Mapping[str, str] | None = None) -> dict[str, str]:
        headers = {**common_headers(self._scope.request_id), **reply.headers, **(more or {})}
        headers.update(self._scope.limit_headers())
        if self._origins.has_cors:
            headers.update(self._origins.answer_headers(self._request))
        return headers


def _start_line(reply: Reply) -> ResponseStartLine:
    return ResponseStartLine("HTTP/1.1", reply.status, responses[reply.status])
