"""Passes open descriptors to other processes, on the connections on which they get their frames."""

from __future__ import annotations

import os
import socket
from multiprocessing import connection


def send_descriptor(channel: connection.Connection, descriptor: int) -> None:
    """Send a descriptor, which stays open here; OSError if the other end is gone."""
    with _socket_of(channel) as sender:
        socket.send_fds(sender, [b"\0"], [descriptor])


def receive_descriptor(channel: connection.Connection) -> int:
    """Receive a descriptor, which the caller closes; EOFError or OSError if there is none."""
    with _socket_of(channel) as receiver:
        _, descriptors, _, _ = socket.recv_fds(receiver, 1, 1, socket.MSG_CMSG_CLOEXEC)
    if not descriptors:
        raise EOFError
    return descriptors[0]


def _socket_of(channel: connection.Connection) -> socket.socket:
    """The socket of one end of a Pipe()."""
    return socket.socket(fileno=os.dup(channel.fileno()))
