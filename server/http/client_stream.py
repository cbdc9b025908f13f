"""A client's connection, closed if the client reads nothing of its answer for too long."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream

from server.service.outgoing import Buffer, OutgoingBytes

_RESET = struct.pack("ii", 1, 0)  # otherwise the kernel keeps unsent data for minutes

log = logging.getLogger("server.connection")


class ClientStream(IOStream):
    """A connection with a write timeout, which Tornado lacks.

    patience: seconds after which it is closed if the client reads nothing of an answer. peer: the
    IP address at the other end, see client_address.py.
    """

    def __init__(
        self,
        connection: socket.socket,
        peer: str,
        outgoing: OutgoingBytes,
        patience: float,
        on_closed: Callable[[], None],
        **sizes: Any,
    ) -> None:
        super().__init__(connection, **sizes)
        self.peer = peer
        self._outgoing = outgoing
        self._patience = patience
        self._on_closed = on_closed
        self._last_write: asyncio.Future[None] | None = None
        self._watch: object | None = None
        self._taken_at = 0.0

    def write(self, data: Buffer) -> asyncio.Future[None]:
        """See IOStream.write; data that the kernel accepts immediately is not counted."""
        written = super().write(data)
        if not written.done():
            self._outgoing.hold(data)
            written.add_done_callback(lambda _: self._release(data))
            if self._watch is None:
                self._taken_at = self.io_loop.time()
                self._watch_until(self._taken_at + self._patience)
        self._last_write = written
        return written

    def write_to_fd(self, data: memoryview) -> int:
        """Called by IOStream for each attempt to write."""
        taken = super().write_to_fd(data)
        if self._watch is not None:
            self._taken_at = self.io_loop.time()
        return taken

    def close_fd(self) -> None:
        """Called by IOStream whenever the connection ends."""
        super().close_fd()
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
        if self._watch is not None and not self.writing():
            self.io_loop.remove_timeout(self._watch)
            self._watch = None

    def _watch_until(self, deadline: float) -> None:
        self._watch = self.io_loop.call_at(deadline, self._check)

    def _check(self) -> None:
        """Close the connection, unless the client has read something since the last check."""
        deadline = self._taken_at + self._patience
        if self.io_loop.time() < deadline:
            self._watch_until(deadline)
        elif not self.closed():
            log.info("closed a connection: the client read nothing for %g s", self._patience)
            self._watch = None
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close()


def stream_of(request: HTTPServerRequest) -> ClientStream:
    """The connection of a request; Tornado has no public way to get it."""
    assert isinstance(request.connection, HTTP1Connection)
    assert isinstance(request.connection.stream, ClientStream)
    return request.connection.stream
