"""The connection of a client; one that takes nothing of its answer is not waited for for ever."""

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

_RESET = struct.pack("ii", 1, 0)  # or the kernel keeps for minutes what nobody takes

log = logging.getLogger("server.connection")


class ClientStream(IOStream):
    """A connection that is closed if its client takes nothing of an answer for too long.

    patience: after how many seconds. Tornado waits for ever for what it has written.
    peer: the IP address at the other end, see client_address.py.
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
        """See IOStream.write; what the kernel takes at once is neither counted nor watched."""
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
        """Called by IOStream when the connection ends, however it ends."""
        super().close_fd()
        self._on_closed()

    def when_taken(self, callback: Callable[[bool], None]) -> None:
        """Call with whether all that was written has left; at once if that is known."""
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
        """Close, unless something was taken since the watch began."""
        deadline = self._taken_at + self._patience
        if self.io_loop.time() < deadline:
            self._watch_until(deadline)
        elif not self.closed():
            log.info("closed a connection: its client took no byte for %g s", self._patience)
            self._watch = None
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close()


def stream_of(request: HTTPServerRequest) -> ClientStream:
    """The connection that a request came on; Tornado's own interface does not lead to it."""
    assert isinstance(request.connection, HTTP1Connection)
    assert isinstance(request.connection.stream, ClientStream)
    return request.connection.stream
