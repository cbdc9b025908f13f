"""A server of the tests' own that keeps data: one process, with a folder that ends with it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.support.watching import wait_until

START_SECONDS = 120.0  # while other tests run, on a small machine
STOP_SECONDS = 30.0


class DataServer:
    """Starts on entering, ends on leaving; a subclass says how, and whether it answers.

    name: for messages. stop_signal: ends it immediately; what was stored stays until the end.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ocr-tests-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it can be used."""
        raise NotImplementedError

    def stop(self) -> None:
        """Send stop_signal, and wait for its end."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """SIGKILL; start() continues with what was stored."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, and nothing is answered until thaw()."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it continues after freeze()."""
        self._signal(signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def make_whole(self) -> None:
        """Thaw it or start it again, whatever a test has done to it."""
        if self.is_running:
            self.thaw()
            wait_until(self.answers, self.name, START_SECONDS)
        else:
            self._process = None
            self.start()

    def launch(
        self, command: Sequence[str], environment: Mapping[str, str], user: str | None = None
    ) -> None:
        """Run this command in its folder, and wait until the server answers."""
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=environment,
                user=user,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

        def ready() -> bool:
            said = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"{self.name} has ended:\n{said}"
            return self.answers()

        wait_until(ready, self.name, START_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} is not running"
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._signal(number)
            self.thaw()  # only SIGKILL ends a frozen process
            self._process.wait(STOP_SECONDS)
            self._process = None
