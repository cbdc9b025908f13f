"""Accepts connections for the HTTP server, with limits on descriptors and log lines."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import logging
import socket
import time
from collections.abc import Callable, Iterable
from http.client import responses
from typing import Any

from tornado.httpserver import HTTPServer

from server.errors import RateLimited
from server.http.client_address import is_loopback, peer_address
from server.http.client_stream import ClientStream
from server.http.connections import Connections
from server.http.errors import public_error
from server.http.replies import problem_reply
from server.service.outgoing import OutgoingBytes

log = logging.getLogger("server.listening")

MAX_ACCEPTS = 64  # per turn of the event loop
PAUSE_SECONDS = 1.0
LOG_SECONDS = 60.0
REQUEST_BYTES = 64 << 10  # how much of a refused request is read and dropped
UNSENT_BYTES = 128 << 10  # buffered by the kernel per connection; the default is some megabytes

# Errors of accept() for a connection that broke while it waited; the next one may be intact.
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
    """Accepts connections for a Tornado HTTPServer, up to a limit; Tornado has no limit itself.

    At the limit, new connections wait in the kernel until one closes. If accept() fails because
    descriptors or memory are used up, the listener pauses and tries again; Tornado would retry and
    log in a busy loop.
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
        self._sockets: dict[socket.socket, bool] = {}  # whether it is on a loopback address
        self._accepting = False
        self._pause: asyncio.TimerHandle | None = None
        self._logged_at: dict[str, float] = {}

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Start to accept connections on these sockets."""
        self._suspend()
        for each in sockets:
            with contextlib.suppress(OSError):  # connections inherit both; see set_nodelay
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            self._sockets[each] = is_loopback(each.getsockname())
        self._resume()

    def stop(self) -> None:
        """Stop accepting; open connections stay open."""
        self._suspend()
        if self._pause is not None:
            self._pause.cancel()
        for each in self._sockets:
            each.close()
        self._sockets = {}

    async def close_all_connections(self) -> None:
        """Close all open connections."""
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
        """Accept up to MAX_ACCEPTS waiting connections."""
        for _ in range(MAX_ACCEPTS):
            if self._connections.full():
                self._suspend()
                self._log_seldom(
                    "%d connections are open, the maximum for the limit on open files; "
                    "new connections wait until one closes",
                    self._connections.limit,
                )
                return
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _BROKEN:
                    self._pause_accepting(error)
                    return
            else:
                self._admit(connection, address, self._sockets[listening])

    def _admit(self, connection: socket.socket, address: Any, is_loopback: bool) -> None:
        """Serve a connection, or answer 429 if its client has too many."""
        peer = peer_address(address)
        client = self._connections.client(peer)
        if not self._connections.has_too_many(client):
            self._serve(connection, address, peer, is_loopback, client)
            return
        self._log_seldom("%s has too many open connections (limits.address_connections)", peer)
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            connection.send(refusal(self._connections.of_one))
            connection.shutdown(socket.SHUT_WR)
            connection.recv(REQUEST_BYTES)  # if unread data is left, close() may lose the answer
        connection.close()

    def _serve(
        self, connection: socket.socket, address: Any, peer: str, is_loopback: bool, client: str
    ) -> None:
        stream = ClientStream(
            connection,
            peer,
            is_loopback,
            self._outgoing,
            self._header_seconds,
            self._patience,
            functools.partial(self._closed, client),
            max_buffer_size=self._server.max_buffer_size,
            read_chunk_size=self._server.read_chunk_size,
        )
        self._connections.opened(client)
        self._server.handle_stream(stream, address)

    def _closed(self, client: str) -> None:
        self._connections.closed(client)
        if self._sockets and not self._connections.full():
            self._resume()

    def _pause_accepting(self, error: OSError) -> None:
        """Stop accepting for PAUSE_SECONDS, because descriptors or memory are used up."""
        self._suspend()
        self._log_seldom("cannot accept connections: %s; trying every second", error.strerror)
        self._pause = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._end_pause)

    def _end_pause(self) -> None:
        self._pause = None
        self._resume()

    def _log_seldom(self, message: str, detail: object) -> None:
        """Log a warning, each message at most once in LOG_SECONDS."""
        now = self._clock()
        if now >= self._logged_at.get(message, now):
            self._logged_at[message] = now + LOG_SECONDS
            log.warning(message, detail)


@functools.lru_cache
def refusal(limit: int) -> bytes:
    """The answer to a connection above the limit of its client, before it has sent a request."""
    problem = public_error(
        RateLimited(f"your address has {limit} open connections, the maximum; close some of them")
    )
    reply = problem_reply(problem, request_id="-")
    headers = {**reply.headers, "Content-Length": str(reply.length), "Connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {reply.status} {responses[reply.status]}\r\n{lines}\r\n"
    return head.encode() + b"".join(reply.body)
