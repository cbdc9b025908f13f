"""The server next to a function's handler: a process on a Unix socket, one for each instance."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path

from server.functions.http_events import Answer, Request

LOOK_SECONDS = 0.2  # between looks whether the server has ended before it was ready
MAX_PLACE = 80  # bytes; the address of a Unix socket has 107 at most, the folder and socket take 26
_PR_SET_PDEATHSIG = 1


class ServerEnded(Exception):
    """The server has ended before it was ready; its last lines in the log say why."""


class Instance:
    """The server of this instance of the function.

    environment: variables of the server in addition to those of this process. The socket, and what
    the server keeps unless the variables name other places, are in a temporary folder, the only
    place that a function may write to. The server says that it is ready as it says it to systemd.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._notices: socket.socket | None = None  # until the server is ready

    @property
    def socket_path(self) -> Path:
        """Where the server listens."""
        return self._folder / "ocr.sock"

    def start(self) -> None:
        """Start the server, unless it runs; it ends with this process."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is None:
            self._folder = _make_folder()
        self._notices = _listen(self._folder / "notices.sock")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            stdin=subprocess.DEVNULL,
            env={
                "XDG_CACHE_HOME": str(self._folder / "cache"),
                "XDG_STATE_HOME": str(self._folder / "state"),
                **os.environ,
                **self._environment,
                "OCR_WEB_SERVER__UNIX_SOCKET": str(self.socket_path),
                "NOTIFY_SOCKET": str(self._folder / "notices.sock"),
            },
            preexec_fn=_end_with_parent,
        )

    def wait_until_ready(self, seconds: float) -> bool:
        """Wait until the first worker is ready; False if that takes longer.

        ServerEnded if the server ends meanwhile.
        """
        deadline = time.monotonic() + seconds
        while self._notices is not None and (left := deadline - time.monotonic()) > 0:
            self._check()
            self._notices.settimeout(min(left, LOOK_SECONDS))
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self._notices.recv(1 << 12).splitlines():
                    self._notices.close()
                    self._notices = None
        return self._notices is None

    def exchange(self, request: Request, seconds: float) -> Answer:
        """Send a request and wait for its answer, over a connection of its own.

        TimeoutError if the answer is not complete in time; another OSError, or HTTPException, if
        the connection is lost.
        """
        deadline = time.monotonic() + seconds
        connection = _Connection(self.socket_path, seconds)
        with contextlib.closing(connection):
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers:
                connection.putheader(name, value.encode())
            if request.body or request.method not in ("GET", "HEAD", "DELETE", "OPTIONS"):
                connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            reply = connection.getresponse()
            pieces = []
            while piece := reply.read1(1 << 16):
                pieces.append(piece)
                connection.limit(deadline - time.monotonic())
            return Answer(reply.status, reply.getheaders(), b"".join(pieces))

    def _check(self) -> None:
        """ServerEnded if the server has ended; the next start() starts it again."""
        assert self._process is not None, "start() comes first"
        status = self._process.poll()
        if status is not None:
            raise ServerEnded(f"the server has ended with status {status}; the log says why")


class _Connection(HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path
        self._opened: socket.socket | None = None

    def connect(self) -> None:
        """Called by HTTPConnection."""
        self.sock = self._opened = socket.socket(socket.AF_UNIX)
        self._opened.settimeout(self.timeout)
        self._opened.connect(str(self._path))

    def limit(self, seconds: float) -> None:
        """TimeoutError if no time is left; otherwise the next piece must arrive within it."""
        if seconds <= 0:
            raise TimeoutError
        assert self._opened is not None
        with contextlib.suppress(OSError):  # closed: the rest of the answer is there
            self._opened.settimeout(seconds)


def _make_folder() -> Path:
    """A temporary folder, with a path that leaves room for the names of sockets."""
    place = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="ocr-", dir=place if len(place) <= MAX_PLACE else "/tmp"))


def _listen(path: Path) -> socket.socket:
    """A socket for notices, see sd_notify(3); replaces the one of a server that has ended."""
    path.unlink(missing_ok=True)
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(path))
    return notices


def _end_with_parent() -> None:
    """Have the kernel end the server with the handler's process; runs in the child."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
