"""`ocr-server batch` and `ocr-server watch` as processes, with fake recognizers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.program import stop_with_parent
from tests.support.recognize_process import recognize_command


class ObjectCommand:
    """One of the commands, with its own state folder below `folder`."""

    def __init__(
        self,
        folder: Path,
        command: str,
        arguments: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.journal = folder / "journal"
        self._folder = folder
        self._command = command
        self._arguments = arguments
        self._environment = environment or {}
        self._log = folder / f"{command}.log"

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; its output is added to the log."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*recognize_command(self.journal, self._command), *map(str, self._arguments)],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                env=self._variables(),
                preexec_fn=stop_with_parent,
            )

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run it until it exits."""
        return subprocess.run(
            [*recognize_command(self.journal, self._command), *map(str, self._arguments)],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self._variables(),
        )

    @property
    def output(self) -> str:
        """Everything that processes from start() have printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "OCR_OCR__PROCESS__NUMBER": "2",
            "XDG_STATE_HOME": str(self._folder / "state"),
            **self._environment,
        }
