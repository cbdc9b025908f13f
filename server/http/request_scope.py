"""What belongs to every request, whichever of the two ways it is handled: see RequestScope."""

from __future__ import annotations

import logging
import re
import secrets
import time

from tornado.httputil import HTTPServerRequest

from server.http.client_address import client_address
from server.http.client_stream import stream_of
from server.http.context import ServerContext
from server.http.principal import ANONYMOUS
from server.http.replies import Reply

CLIENT_LEFT = 499  # as nginx logs it

# The arguments have names, so that another formatter can write them in another way.
ACCESS_LINE = (
    "%(client)s %(method)s %(path)s %(status)d %(ms).1f ms %(bytes)d bytes %(cache)s %(request_id)s"
)
access_log = logging.getLogger("server.access")

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class RequestScope:
    """One request from its headers to its end: who asks, since when, what came of it.

    Entered before any of the body is read; counted and logged once, whatever ends it first: that
    the answer was taken, or that the client left. recognition: whether it asks for an image to be
    read. Only these count as open, which draining waits for, and in ocr_requests_total.
    quiet: only failures are logged.
    """

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        request_id: str,
        address: str,
        recognition: bool,
    ) -> None:
        self.request_id = request_id
        self.address = address
        self.principal = ANONYMOUS
        self.quiet = False
        self._context = context
        self._request = request
        self._recognition = recognition
        self._started = time.perf_counter()
        self._ended = False
        self._status = 500  # until an answer is noted
        self._error = ""
        self._size = 0
        self._outcome = ""

    @classmethod
    def enter(
        cls, context: ServerContext, request: HTTPServerRequest, recognition: bool = False
    ) -> RequestScope:
        """A request whose headers have come."""
        stream = stream_of(request)
        stream.expect_nothing()  # of headers; what has a body says so
        trusted = context.settings.web_server.trusted_proxies
        address = client_address(stream.peer, request.headers, trusted)
        if recognition:
            context.open_requests += 1
        own_id = request_id(request.headers.get("X-Request-Id"))
        return cls(context, request, own_id, address, recognition)

    def elapsed_ms(self) -> float:
        """Since the headers came."""
        return (time.perf_counter() - self._started) * 1000

    def note(self, reply: Reply, size: int) -> None:
        """This is the answer, which is on its way now with so many bytes of its body."""
        self._status, self._error = reply.status, reply.error
        self._size = size
        self._outcome = reply.headers.get("X-Cache", "")

    def leave(self, taken: bool = True) -> None:
        """The request has ended with the answer that was noted; not taken: as client_left()."""
        if self._ended:
            return
        self._ended = True
        if not taken:
            self._status, self._error, self._size, self._outcome = CLIENT_LEFT, "client_left", 0, ""
        if self._recognition:
            self._context.open_requests -= 1
            seconds = self.elapsed_ms() / 1000
            self._context.metrics.count_request(self._status, self._error, seconds)
        if not self.quiet or self._status >= 400:
            self._log()

    def client_left(self) -> None:
        """The client is gone, and did not have its answer."""
        self.leave(taken=False)

    def _log(self) -> None:
        """The line of the access log; docs/operations.md has its fields."""
        level = logging.WARNING if self._status >= 500 else logging.INFO
        if access_log.isEnabledFor(level):
            values = {
                "client": self.address or "-",
                "method": self._request.method,
                "path": self._request.path,
                "status": self._status,
                "ms": self.elapsed_ms(),
                "bytes": self._size,
                "cache": self._outcome or "-",
                "request_id": self.request_id,
            }
            access_log.log(level, ACCESS_LINE, values)


def request_id(given: str | None) -> str:
    """The request id that the client gave, if it can be taken over, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
