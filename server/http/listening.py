"""Accepts connections for the HTTP server, and goes easy on descriptors and on the log."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from tornado.httpserver import HTTPServer

from server.http.client_address import peer_address
from server.http.client_stream import ClientStream
from server.http.connections import Connections
from server.service.outgoing import OutgoingBytes

log = logging.getLogger("server.listening")

ACCEPTED_AT_ONCE = 64  # then other work of the loop has its turn
PAUSE_SECONDS = 1.0
LOG_SECONDS = 60.0
UNSENT_BYTES = 128 << 10  # that the kernel takes ahead of a client; it would take some megabytes

# accept() reports these of a connection that broke while it waited; the next one may be sound.
_BROKEN = frozenset(
    (
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EPROTO,
    )
)


class Listener:
    """Stands before a Tornado HTTPServer, whose own way of accepting knows no limit.

    At the limit nothing is accepted until a connection closes: new ones wait in the kernel. What
    else fails is tried again after a pause; Tornado would try, and log, without end.
    """

    def __init__(
        self,
        server: HTTPServer,
        connections: Connections,
        outgoing: OutgoingBytes,
        header_seconds: float,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._connections = connections
        self._outgoing = outgoing
        self._header_seconds = header_seconds
        self._patience = patience
        self._clock = clock
        self._sockets: list[socket.socket] = []
        self._accepting = False
        self._pause: asyncio.TimerHandle | None = None
        self._logged_at: dict[str, float] = {}

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept what connects to these from now on."""
        self._suspend()
        for each in sockets:
            with contextlib.suppress(OSError):  # inherited by each connection
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            self._sockets.append(each)
        self._resume()

    def stop(self) -> None:
        """Accept nothing more; open connections stay."""
        self._suspend()
        if self._pause is not None:
            self._pause.cancel()
        for each in self._sockets:
            each.close()
        self._sockets = []

    async def close_all_connections(self) -> None:
        """Close those that are open."""
        await self._server.close_all_connections()

    def _resume(self) -> None:
        if not self._accepting and self._pause is None:
            self._accepting = True
            for each in self._sockets:
                asyncio.get_running_loop().add_reader(each, self._accept, each)

    def _suspend(self) -> None:
        if self._accepting:
            self._accepting = False
            for each in self._sockets:
                asyncio.get_running_loop().remove_reader(each)

    def _accept(self, listening: socket.socket) -> None:
        """Some of those that wait."""
        for _ in range(ACCEPTED_AT_ONCE):
            if self._connections.full():
                self._suspend()
                self._log_seldom(
                    "all of the %d connections that the limit on open files allows are open; "
                    "new ones wait until one closes",
                    self._connections.limit,
                )
                return
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _BROKEN:
                    self._rest(error)
                    return
            else:
                self._serve(connection, address)

    def _serve(self, connection: socket.socket, address: Any) -> None:
        stream = ClientStream(
            connection,
            peer_address(address),
            self._outgoing,
            self._header_seconds,
            self._patience,
            self._closed,
            max_buffer_size=self._server.max_buffer_size,
            read_chunk_size=self._server.read_chunk_size,
        )
        self._connections.open += 1
        self._server.handle_stream(stream, address)

    def _closed(self) -> None:
        self._connections.open -= 1
        if self._sockets and not self._connections.full():
            self._resume()

    def _rest(self, error: OSError) -> None:
        """Accept nothing for a while: descriptors or memory are used up."""
        self._suspend()
        self._log_seldom("no connection can be accepted: %s; trying every second", error.strerror)
        self._pause = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._end_rest)

    def _end_rest(self) -> None:
        self._pause = None
        self._resume()

    def _log_seldom(self, message: str, detail: object) -> None:
        """A warning, at most once in LOG_SECONDS."""
        now = self._clock()
        if now >= self._logged_at.get(message, now):
            self._logged_at[message] = now + LOG_SECONDS
            log.warning(message, detail)
