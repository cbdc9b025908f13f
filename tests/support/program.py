"""A server as a separate process: start, wait, observe and stop."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path

from tests.support.http_client import Client
from tests.support.watching import wait_until

_PR_SET_PDEATHSIG = 1


class Program(Client):
    """A process that serves HTTP; its output goes to a file in its folder.

    detached: in its own session, so that Ctrl-C does not end it before its parent; it gets SIGTERM
    when its parent exits, and stop() ends its whole session.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        detached: bool = False,
        stop_seconds: float = 10.0,
    ) -> None:
        self.folder = folder
        self._environment = environment or {}
        self._detached = detached
        self._stop_seconds = stop_seconds
        self._log = folder / "server.log"

    def spawn(self, command: Sequence[str], working_directory: Path | None = None) -> None:
        """Start it, by default in this process's working directory, without waiting."""
        state = {"XDG_STATE_HOME": str(self.folder / "state")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=working_directory,
                env={**os.environ, **state, **self._environment},
                start_new_session=self._detached,
                preexec_fn=stop_with_parent if self._detached else None,
            )

    def wait_until_ready(self, path: str, seconds: float) -> None:
        """Wait until GET `path` is answered with 200."""
        wait_until(lambda: self._answers(path), f"200 from {path}", seconds)

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL if it does not end in time."""
        if self.is_running:
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._stop_seconds)
        if self._detached:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Everything that was printed and logged."""
        return self._log.read_text(errors="replace")

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL and reap the process."""
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float = 20) -> int:
        """Wait for its end; returns the exit status."""
        return self._process.wait(seconds)

    def _answers(self, path: str) -> bool:
        assert self.is_running, f"the server exited:\n{self.output[-4000:]}"
        with contextlib.suppress(OSError, HTTPException):
            return self.get(path).status == 200
        return False


def stop_with_parent() -> None:
    """Get SIGTERM when the parent exits; runs in a child before its program."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
