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

START_SECONDS = 60.0  # while other tests run, on a small machine
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
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            self._process.wait(STOP_SECONDS)
            self._process = None

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
                stdout=output,
                stderr=subprocess.STDOUT,
            )

        def ready() -> bool:
            said = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"{self.name} has ended:\n{said}"
            return self.answers()

        wait_until(ready, self.name, START_SECONDS)
