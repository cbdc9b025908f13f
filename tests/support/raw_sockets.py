"""Raw TCP connections for tests."""

from __future__ import annotations

import contextlib
import socket
from contextlib import closing

BLOCK = b"x" * (64 << 10)


def connect(port: int) -> closing[socket.socket]:
    """A connection to a server on this machine."""
    return closing(socket.create_connection(("127.0.0.1", port), timeout=10))


def received(connection: socket.socket) -> bytes:
    """All bytes until the server closes or resets the connection."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    return data


def send_blocks(connection: socket.socket, size: int, chunked: bool) -> int:
    """Send a body in blocks until its end or until the server closes; returns the bytes sent."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < size:
            framed = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK
            connection.sendall(framed)
            sent += len(BLOCK)
    return sent
