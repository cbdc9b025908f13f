"""The sockets on which the server listens: of an address and port, or one of a path."""

from __future__ import annotations

import errno
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from tornado.netutil import bind_sockets

from server.settings.settings import Settings

LISTEN_BACKLOG = 4096  # connections that wait in the kernel to be accepted
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # no browser opens the address for "all"


class CannotListen(Exception):
    """The address, port or path cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class ListeningSockets:
    """Bound sockets. place: as clients name it. path, inode: of a Unix socket."""

    sockets: list[socket.socket]
    place: str
    path: Path | None = None
    inode: int = 0

    @property
    def addresses(self) -> list[str]:
        """The IP addresses; none for a Unix socket."""
        return [] if self.path is not None else [each.getsockname()[0] for each in self.sockets]

    def remove_path(self) -> None:
        """Remove the file of a Unix socket, unless another server has replaced it."""
        if self.path is not None and _inode(self.path) == self.inode:
            self.path.unlink(missing_ok=True)


def open_sockets(settings: Settings) -> ListeningSockets:
    """The sockets that the settings ask for; CannotListen if they cannot be opened."""
    web = settings.web_server
    if web.unix_socket is not None:
        return _open_path(settings.resolve(web.unix_socket), int(web.unix_socket_mode, 8))
    try:
        sockets = bind_sockets(web.port, web.address, backlog=LISTEN_BACKLOG)
    except OSError as error:
        raise CannotListen(
            f"{web.address}:{web.port}: {error.strerror}; if another server is running, choose "
            "another port with --port"
        ) from None
    address, port = sockets[0].getsockname()[:2]
    return ListeningSockets(sockets, url(address, port))


def url(address: str, port: int) -> str:
    """The base of URLs at this address."""
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def url_to_open(address: str, port: int) -> str:
    """The URL of the page, for a browser on this machine."""
    return url(_ANY.get(address, address), port) + "/"


def _open_path(path: Path, mode: int) -> ListeningSockets:
    """A Unix socket; replaces the file of a server that was killed."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.setblocking(False)
    mask = os.umask(0o777)  # nobody can connect before the mode is set
    try:
        _remove_stale(path)
        listening.bind(str(path))
        inode = _inode(path)
        listening.listen(LISTEN_BACKLOG)
        path.chmod(mode)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)  # the error for a too long path has no errno
        raise CannotListen(f"web_server.unix_socket, {path}: {reason}") from None
    finally:
        os.umask(mask)
    return ListeningSockets([listening], f"unix:{path}", path, inode)


def _remove_stale(path: Path) -> None:
    """Remove a socket on which nobody listens; OSError if it is in use or is not a socket."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise OSError(errno.EEXIST, "there is another file, and no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:  # its backlog is full
            pass
    raise OSError(errno.EADDRINUSE, "another server listens there")


def _inode(path: Path) -> int:
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return 0
