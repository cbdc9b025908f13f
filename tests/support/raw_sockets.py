"""Connections over which anything may be sent."""

from __future__ import annotations

import contextlib
import socket
from contextlib import closing

BLOCK = b"x" * (64 << 10)


def connect(port: int) -> closing[socket.socket]:
    """A connection to a server on this machine."""
    return closing(socket.create_connection(("127.0.0.1", port), timeout=10))


def received(connection: socket.socket) -> bytes:
    """Everything until the server closes; what came before a reset counts."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    return data


def send_blocks(connection: socket.socket, size: int, chunked: bool) -> int:
    """Send a body in blocks until it is all sent or the server has had enough; bytes sent."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < size:
            framed = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK
            connection.sendall(framed)
            sent += len(BLOCK)
    return sent
