"""The data of one request, from its headers to its end."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tornado.httputil import HTTPServerRequest

from ocr_engine.tracing import Interval
from server.http.client_address import client_address, forwarded_prefix
from server.http.client_stream import stream_of
from server.http.context import ServerContext
from server.http.errors import error_of_code
from server.http.replies import REPLAYED, Reply
from server.http.request_header import request_header
from server.operations.audit import Action
from server.principal import ANONYMOUS, Principal
from server.users.admission import Admission

if TYPE_CHECKING:
    from ocr_engine.tracing import Trace

CLIENT_LEFT = 499  # as nginx logs it
CLIENT_LEFT_CODE = "client_left"
REFUSED = frozenset((401, 403, 429))  # audited, and not counted as usage

# The arguments have names, so that another formatter can write them in another way.
ACCESS_LINE = (
    "%(client)s %(method)s %(path)s %(status)d %(ms).1f ms %(bytes)d bytes %(cache)s %(request_id)s"
)
NO_FAULT = frozenset(("starting", "draining"))  # codes of a server that starts or stops
access_log = logging.getLogger("server.access")

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class RequestScope:
    """One request: its id, user, start time and outcome.

    Created before the body is read. Counted and logged once, when the answer is sent or the client
    disconnects. recognition: whether it requests a recognition; only such requests are counted in
    ocr_requests_total and as open requests. Draining waits for open requests. quiet: log only
    failures. prefix: of the paths that the client sees. admitted: the principal is known and may
    make such requests. For the usage of the principal: received: bytes of the body. images: how
    many were answered. pages: of them, if not one of each. cached: how many of them needed no
    recognition of their own. recognition_seconds: how long the recognitions took. failures: the
    error codes of images without a result. started: by time.monotonic(). trace: if the request is
    traced. is_job: the answer is a job, which is counted when it ends.
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
        self.principal: Principal = ANONYMOUS
        self.prefix = ""
        self.admitted = False
        self.admission: Admission | None = None  # None: no limits
        self.quiet = False
        self.received = 0
        self.images = 1
        self.pages: int | None = None
        self.cached = 0
        self.failures: Sequence[str] = ()
        self.recognition_seconds = 0.0
        self.started = time.monotonic()
        self.trace: Trace | None = None
        self.is_job = False
        self._context = context
        self._request = request
        self._recognition = recognition
        self._ended = False
        self._counted = False
        self._status = 500  # until an answer is noted
        self._error = ""
        self._size = 0
        self._outcome = ""
        self._callbacks: list[Callable[[RequestScope], None]] | None = None  # seldom needed

    @classmethod
    def enter(
        cls, context: ServerContext, request: HTTPServerRequest, recognition: bool = False
    ) -> RequestScope:
        """Create the scope of a request whose headers have arrived."""
        stream = stream_of(request)
        stream.expect_nothing()  # no more headers come; a request with a body sets its own limit
        web_server = context.settings.web_server
        trusted = web_server.trusted_proxies
        address = client_address(stream.peer, request.headers, trusted)
        if recognition:
            context.open_requests += 1
        own_id = request_id(request_header(request.headers, "X-Request-Id"))
        scope = cls(context, request, own_id, address, recognition)
        if context.tracing is not None and recognition:
            scope.trace = context.tracing.begin(request.headers.get("Traceparent"))
        scope.prefix = forwarded_prefix(stream.peer, request.headers, trusted, web_server.root_path)
        return scope

    def elapsed_ms(self) -> float:
        """Milliseconds since the headers arrived."""
        return (time.monotonic() - self.started) * 1000

    def note(self, reply: Reply, size: int) -> None:
        """Record the answer that is being sent, and the size of its body in bytes."""
        self._status, self._error = reply.status, reply.error
        self._size = size
        self._outcome = reply.headers.get("X-Cache", "")
        if self.admission is not None:
            self.admission.settle(_own_status(reply), self._outcome, REPLAYED in reply.headers)

    def limit_headers(self) -> dict[str, str]:
        """The headers about the limits of the user; after note()."""
        return {} if self.admission is None else self.admission.headers()

    @property
    def recognition(self) -> bool:
        """Whether it requests a recognition."""
        return self._recognition

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._ended

    def count(self, reply: Reply) -> None:
        """Count a recognition in the usage of the principal, before its answer is sent.

        A job is counted when it ends, a refused request in the audit log, and a repeated request
        not at all.
        """
        usage = self._context.usage
        if self._counted or not usage.is_on or not (self.admitted and self._recognition):
            return
        refused = _own_status(reply) in REFUSED
        if self._is_accepted(reply) or refused or REPLAYED in reply.headers:
            return
        self._counted = True
        usage.count(
            self.principal.user,
            images=0 if reply.error else self.images,
            pages=0 if reply.error else self.pages,
            cached=0 if reply.error else self.cached,
            seconds=self.recognition_seconds,
            size=self.received,
            code=reply.error,
        )
        for code in self.failures:
            usage.count(self.principal.user, images=0, cached=0, seconds=0, size=0, code=code)

    def audit(self, action: Action, target: str = "", size: int | None = None) -> None:
        """Write what the principal did to the audit log; target: the id of a key or job."""
        self._context.audit.write(
            action,
            user=self.principal.user,
            address=self.address,
            request_id=self.request_id,
            target=target,
            size=size,
        )

    @property
    def status(self) -> int:
        """The HTTP status of the answer, or CLIENT_LEFT; 500 until there is one."""
        return self._status

    @property
    def error(self) -> str:
        """The code of the error that was answered; empty if none."""
        return self._error

    @property
    def outcome(self) -> str:
        """The cache outcome of the answer; empty if none."""
        return self._outcome

    def at_end(self, callback: Callable[[RequestScope], None]) -> None:
        """Call back once when the request ends, however it ends."""
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append(callback)

    def leave(self, taken: bool = True) -> None:
        """End the request with the recorded answer; taken: whether the client has received it."""
        if self._ended:
            return
        self._ended = True
        if self.admission is not None:
            self.admission.leave()
        if not taken:
            self._status, self._error, self._size = CLIENT_LEFT, CLIENT_LEFT_CODE, 0
            self._outcome = ""
        if self._recognition:
            self._context.open_requests -= 1
            seconds = self.elapsed_ms() / 1000
            self._context.metrics.count_request(self._status, self._error, seconds)
        for callback in self._callbacks or ():
            callback(self)
        if self.trace is not None:
            self._send_trace(self.trace)
        if _status_of(self._error, self._status) in REFUSED:
            self._context.refused.note(
                self.principal.user if self.principal is not ANONYMOUS else "",
                self.address,
                self._error,
                self.request_id,
            )
        if not self.quiet or self._status >= 400:
            self._log()

    def _send_trace(self, trace: Trace) -> None:
        assert self._context.tracing is not None
        method, path = self._request.method or "", self._request.path
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "url.path": path,
            "http.response.status_code": self._status,
            "ocr.request_id": self.request_id,
            "ocr.cache": self._outcome,
            "error.type": self._error,
        }
        known = {name: value for name, value in attributes.items() if value}
        whole = Interval(f"{method} {path}", self.started, time.monotonic())
        self._context.tracing.finish(trace, whole, known, failed=self._status >= 500)

    def client_left(self) -> None:
        """End the request: the client disconnected before it had its answer."""
        self.leave(taken=False)

    def _is_accepted(self, reply: Reply) -> bool:
        """Whether the reply is a job or batch; some APIs answer 200 then."""
        return reply.status == 202 or (self.is_job and not reply.error)

    def _log(self) -> None:
        """Write the line of the access log; docs/operations.md describes its fields."""
        no_fault = self._error in NO_FAULT and not self._recognition
        fault = self._status >= 500 and not no_fault
        level = logging.WARNING if fault else logging.INFO
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


def _own_status(reply: Reply) -> int:
    """The status that the reply has in this server's own API."""
    return _status_of(reply.error, reply.status)


def _status_of(code: str, status: int) -> int:
    """The status of an error in this server's own API; other APIs may answer 200."""
    return error_of_code(code, "").status if code and status == 200 else status


def request_id(given: str | None) -> str:
    """The client's request id if it is valid, or a generated one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
