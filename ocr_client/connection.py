"""A lightweight HTTP/1.1 client connection on asyncio, for load tests and `recognize`.

It uses sockets directly, without transports: a transport that cannot write also stops reading,
and would lose an early answer (413, 503) to a long body.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple

RECEIVE_BYTES = 256 << 10
SEND_BUFFER_BYTES = 1 << 20  # large enough to send a request in one call
CONNECT_SECONDS = 5.0
MAX_HEAD_BYTES = 64 << 10

_HEADER = re.compile(rb"\r\n([^:\r\n]+):[ \t]*([^\r\n]*)")
_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5]\d\d)[ \r]")


class NoAnswer(Exception):
    """The exchange failed; the message says why.

    NoAnswer
    ├── NoConnection
    ├── AnswerTimeout
    └── BrokenAnswer
        └── NotHttp
    """


class NoConnection(NoAnswer):
    """Nothing listens at the address, or it does not accept in time; reason: the system's error."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no connection: {reason}")
        self.reason = reason


class AnswerTimeout(NoAnswer):
    """The answer took too long."""


class BrokenAnswer(NoAnswer):
    """The connection was closed before the answer was complete."""


class NotHttp(BrokenAnswer):
    """The received bytes are not an HTTP/1.1 response."""


class Address(NamedTuple):
    """The address of a server: for the socket and the Host header."""

    family: int
    sockaddr: tuple[object, ...]
    host: str


class Response(NamedTuple):
    """A response; header names are in lower case, `ended` is the event loop's time."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes
    ended: float

    def header(self, name: bytes) -> str:
        """The value of a header; empty if it is missing."""
        return self.headers.get(name, b"").decode("latin-1")


async def look_up(host: str, port: int) -> Address:
    """The first address of a host; OSError if it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, sockaddr = found[0]
    return Address(family, sockaddr, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def request_head(
    method: str, target: str, host: str, headers: Mapping[str, str], length: int
) -> bytes:
    """The head of a request, including the empty line."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\n\r\n"
    ).encode("latin-1")


class Connection:
    """A connection to a server, opened on first use; one exchange at a time."""

    def __init__(self, address: Address) -> None:
        self.idle_since = 0.0
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self._unsent = memoryview(b"")
        self._is_writing = False
        self._received = bytearray()
        self._answer: AnswerHead | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent without connecting first."""
        return self._socket is not None

    async def connect(self) -> None:
        """Connect; OSError if nothing listens, TimeoutError if there is no reply."""
        fresh = socket.socket(self._address.family, socket.SOCK_STREAM)
        try:
            fresh.setblocking(False)
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connecting = self._loop.sock_connect(fresh, self._address.sockaddr)
            await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except BaseException:
            fresh.close()
            raise
        self._socket = fresh
        self._loop.add_reader(fresh.fileno(), self._receive)

    async def exchange(self, request: bytes, seconds: float) -> Response:
        """Send a request and wait for its answer for at most `seconds`; NoAnswer if it fails."""
        if self._socket is None:
            await self._connect_for_exchange()
        self._received.clear()
        self._answer = None
        waiting: asyncio.Future[Response] = self._loop.create_future()
        self._waiting = waiting
        timer = self._loop.call_later(seconds, self._overdue, seconds)
        self._unsent = memoryview(request)
        self._send()
        try:
            return await waiting
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiting = None

    def close(self) -> None:
        """Close the connection; the next exchange connects again."""
        if self._socket is not None:
            self._stop_writing()
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    async def _connect_for_exchange(self) -> None:
        try:
            await self.connect()
        except TimeoutError:
            raise NoConnection(f"no reply within {CONNECT_SECONDS:g} s") from None
        except OSError as error:
            raise NoConnection(error.strerror or str(error)) from None

    def _send(self) -> None:
        """Write as much as the kernel accepts; write the rest when it can accept more."""
        assert self._socket is not None
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # the server has closed, but its answer may have arrived
            self._stop_writing()
            return
        if self._unsent and not self._is_writing:
            self._loop.add_writer(self._socket.fileno(), self._send)
            self._is_writing = True
        elif not self._unsent:
            self._stop_writing()

    def _stop_writing(self) -> None:
        if self._is_writing and self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())
        self._is_writing = False

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            piece = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(BrokenAnswer(f"no answer: the connection broke ({error.strerror})"))
            return
        if self._waiting is None or self._waiting.done():
            self.close()  # closed by the server, or unexpected data
        elif piece:
            self._received += piece
            try:
                self._read()
            except ValueError:
                self._fail(NotHttp("the answer is not HTTP/1.1"))
        else:
            self._end()

    def _end(self) -> None:
        """The server has closed: end an answer without a length, and fail any other."""
        if self._answer is not None and self._answer.is_unbounded:
            self._finish(self._answer, bytes(self._received[self._answer.start :]))
        else:
            self._fail(BrokenAnswer("no answer: the server closed the connection"))

    def _read(self) -> None:
        """Finish if the answer is complete; ValueError if it is malformed."""
        if self._answer is None:
            self._answer = AnswerHead.read_head(self._received)
        if self._answer is not None:
            body = self._answer.body(self._received)
            if body is not None:
                self._finish(self._answer, body)

    def _finish(self, answer: AnswerHead, body: bytes) -> None:
        assert self._waiting is not None
        self.idle_since = self._loop.time()
        if self._unsent or answer.closes:
            self.close()
        self._waiting.set_result(Response(answer.status, answer.headers, body, self.idle_since))

    def _overdue(self, seconds: float) -> None:
        self._fail(AnswerTimeout(f"no answer within {seconds:g} s"))

    def _fail(self, error: NoAnswer) -> None:
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


class AnswerHead:
    """The head of an answer, and the length of its body."""

    __slots__ = ("closes", "end", "headers", "is_chunked", "is_unbounded", "start", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes], start: int) -> None:
        self.status = status
        self.headers = headers
        self.start = start
        self.is_chunked = headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        length = b"0" if status in (204, 304) else headers.get(b"content-length")
        self.is_unbounded = length is None and not self.is_chunked
        self.closes = headers.get(b"connection", b"").lower() == b"close" or self.is_unbounded
        self.end = start + int(length or 0)

    @classmethod
    def read_head(cls, received: bytearray) -> AnswerHead | None:
        """The head if it is complete, else None; ValueError if it is malformed."""
        end = received.find(b"\r\n\r\n")
        if end < 0 and len(received) <= MAX_HEAD_BYTES:
            return None
        status = _STATUS.match(received)
        if end < 0 or status is None:
            raise ValueError("not the head of an answer")
        found = {name.lower(): value for name, value in _HEADER.findall(received, 0, end)}
        return cls(int(status[1]), found, end + 4)

    def body(self, received: bytearray) -> bytes | None:
        """The body if it is complete, else None; ValueError if its chunks are malformed."""
        if self.is_unbounded:
            return None
        if self.is_chunked:
            return _unchunk(received, self.start)
        return bytes(received[self.start : self.end]) if len(received) >= self.end else None


def _unchunk(received: bytearray, at: int) -> bytes | None:
    """Decode a chunked body; None if it is incomplete."""
    body = bytearray()
    while (line_end := received.find(b"\r\n", at)) >= 0:
        size = int(received[at:line_end].partition(b";")[0], 16)
        at = line_end + 2
        if size == 0:
            return bytes(body) if received.find(b"\r\n", at) >= 0 else None
        if len(received) < at + size + 2:
            return None
        body += received[at : at + size]
        at += size + 2
    return None
