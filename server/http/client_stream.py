"""A client's connection, closed if the client sends or reads nothing for too long."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream, StreamClosedError

from server.http.deadline import Deadline
from server.service.outgoing import Buffer, OutgoingBytes

_RESET = struct.pack("ii", 1, 0)  # otherwise the kernel keeps unsent data for minutes

log = logging.getLogger("server.connection")


class ClientStream(IOStream):
    """A connection with time limits for what the client sends, and for reading answers.

    header_seconds: limit for the headers of a request, from the end of the previous request.
    patience: seconds after which it is closed if the client reads nothing of an answer; Tornado has
    no such limit. peer: the IP address at the other end, see client_address.py. is_loopback: the
    server listens on an address that only this machine reaches.
    """

    def __init__(
        self,
        connection: socket.socket,
        peer: str,
        is_loopback: bool,
        outgoing: OutgoingBytes,
        header_seconds: float,
        patience: float,
        on_closed: Callable[[], None],
        **sizes: Any,
    ) -> None:
        super().__init__(connection, **sizes)
        self.peer = peer
        self.is_loopback = is_loopback
        self._outgoing = outgoing
        self._header_seconds = header_seconds
        self._patience = patience
        self._on_closed = on_closed
        self._last_write: asyncio.Future[None] | None = None
        self._sending = Deadline(self.close)
        self._taking = Deadline(self._reset)

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Called by HTTP1Connection for the headers of each request.

        Raises StreamClosedError if the client is gone: otherwise Tornado would answer all requests
        that have arrived, though nobody can read the answers.
        """
        if self.closed():
            raise StreamClosedError(self.error)
        self._sending.set(self._header_seconds)
        return super().read_until_regex(regex, max_bytes)

    def set_nodelay(self, value: bool) -> None:
        """Do nothing: the listener has set TCP_NODELAY for good.

        Tornado sets it at the end of each answer and clears it afterwards. That would cost two
        system calls, and lines of a streamed answer would wait for the client's acknowledgement.
        """

    def expect_body(self, seconds: float) -> None:
        """Limit the time for the body, because the headers have come."""
        self._sending.set(seconds)

    def expect_nothing(self) -> None:
        """End the time limit, because everything expected has come."""
        self._sending.clear()

    def write(self, data: Buffer) -> asyncio.Future[None]:
        """See IOStream.write.

        Data that the kernel does not accept immediately counts as outgoing until it does.
        """
        written = super().write(data)
        if not written.done():
            self._outgoing.hold(data)
            written.add_done_callback(lambda _: self._release(data))
            if not self._taking.is_set:
                self._taking.set(self._patience)
        self._last_write = written
        return written

    def write_to_fd(self, data: memoryview) -> int:
        """Called by IOStream for each attempt to write."""
        taken = super().write_to_fd(data)
        if self._taking.is_set:
            self._taking.set(self._patience)
            self._outgoing.taken += taken
        return taken

    def close_fd(self) -> None:
        """Called by IOStream whenever the connection ends."""
        super().close_fd()
        self._sending.end()
        self._taking.end()
        self._on_closed()

    def when_taken(self, callback: Callable[[bool], None]) -> None:
        """Call back when all data is sent (True) or the connection broke (False)."""
        last = self._last_write
        if self.closed() or last is None or last.done():
            callback(not self.closed())
        else:
            last.add_done_callback(lambda done: callback(done.exception() is None))

    def _release(self, data: Buffer) -> None:
        self._outgoing.release(data)
        if not self.writing():
            self._taking.clear()

    def _reset(self) -> None:
        log.info("closed a connection: the client read nothing for %g s", self._patience)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()


def stream_of(request: HTTPServerRequest) -> ClientStream:
    """The connection of a request; Tornado has no public way to get it."""
    assert isinstance(request.connection, HTTP1Connection)
    assert isinstance(request.connection.stream, ClientStream)
    return request.connection.stream
