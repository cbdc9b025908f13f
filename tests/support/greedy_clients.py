"""Clients that request large answers and do not read them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

SMALL_WINDOW = 4096


def ask(port: int, request: bytes) -> socket.socket:
    """A connection with a small receive window that sends a request and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    connection.sendall(request)
    return connection


@contextlib.contextmanager
def asking(port: int, requests: list[bytes]) -> Iterator[list[socket.socket]]:
    """A connection for each request; none reads."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(ask(port, request)) for request in requests]


def is_ended(connection: socket.socket) -> bool:
    """Whether the server has closed it, according to the kernel; reads nothing."""
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return information[0] != 1  # TCP_ESTABLISHED


def get(path: str) -> bytes:
    """All bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
