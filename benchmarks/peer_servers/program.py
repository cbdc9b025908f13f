"""A peer as a running program: on a free port, without a way to the internet, with its own log."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType

from server_under_test import stop_with_parent

START_SECONDS = 120.0
STOP_SECONDS = 30.0

# A download would fail at once and be seen: nobody listens on port 9.
_OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")

Command = Callable[[int, Path], Sequence[str]]


class ServerProgram:
    """A context manager that waits until GET `path` is answered with 200.

    `command` makes the command line for a port and a folder that lives as long as the server.
    """

    def __init__(self, command: Command, path: str, environment: Mapping[str, str]) -> None:
        self.port = 0
        self._command = command
        self._path = path
        self._environment = environment

    def __enter__(self) -> ServerProgram:
        self._folder = tempfile.TemporaryDirectory(prefix="peer-benchmark-")
        folder = Path(self._folder.name)
        self.port = _free_port()
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(self.port, folder),
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **_offline(), **self._environment, "TMPDIR": str(folder)},
                start_new_session=True,
                preexec_fn=stop_with_parent,
            )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has printed and logged."""
        return (Path(self._folder.name) / "log").read_text(errors="replace")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.output[-4000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", self._path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _stop(self) -> None:
        """SIGTERM to the first process; SIGKILL to its whole session, which is its own."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._folder.cleanup()


def _offline() -> dict[str, str]:
    lower = {name.lower(): value for name, value in _OFFLINE.items()}
    return {**_OFFLINE, **lower, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
