"""This project's server as a process, with its models or with fakes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from server.app import PATIENCE_SECONDS
from tests.support.checkout import ROOT
from tests.support.journal import begun_by
from tests.support.program import Program
from tests.support.watching import WAIT_SECONDS, is_alive, wait_until, worker_processes

START_SECONDS = 60.0

_WITH_FAKES = """
import functools, pathlib, sys
sys.path[:0] = [{root!r}]
from server.standard_streams import open_standard_streams
open_standard_streams()  # first, as setup.py does
import server.main
from tests.support import fake_recognizers
server.main.build_context = functools.partial(
    server.main.build_context,
    load=functools.partial(fake_recognizers.{load}, pathlib.Path({journal!r})),
    patience_seconds={patience},
)
sys.exit(server.main.main(sys.argv[1:]))
"""


class ServerProcess(Program):
    """`python setup.py --config … --port 0` as a process; on entry, waits for /readyz.

    fakes: use fake recognizers from the loader `load` in fake_recognizers.py, which write
    `journal`. prefix: a command that runs the server's command. patience: seconds that a client
    may read nothing of its answer, only with fakes. arguments: more arguments of setup.py.
    listen_seconds: how long it may take until it listens.
    """

    listen_seconds = WAIT_SECONDS

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        fakes: bool = False,
        environment: Mapping[str, str] | None = None,
        load: str = "load_obedient",
        prefix: Sequence[str] = (),
        patience: float = PATIENCE_SECONDS,
        arguments: Sequence[str] = (),
        detached: bool = False,
        stop_seconds: float = 10.0,
    ) -> None:
        super().__init__(folder, environment, detached, stop_seconds)
        self.journal = folder / "journal"
        self._settings = _without_spares(settings)
        self.spares: int = self._settings["ocr"]["process"]["spares"]
        self._prefix = prefix
        self._arguments = arguments
        code = _WITH_FAKES.format(
            root=str(ROOT), load=load, journal=str(self.journal), patience=patience
        )
        self._program = ["-c", code] if fakes else [str(ROOT / "setup.py")]

    def start(self, port: int = 0) -> None:
        """Start it and wait until it listens; by default on any free port."""
        self.journal.touch()
        config = self.folder / "config.json"
        config.write_text(json.dumps(self._settings))
        arguments = ["--config", str(config), "--port", str(port), *self._arguments]
        self.spawn([*self._prefix, sys.executable, *self._program, *arguments])
        wait_until(self._find_port, "the line with the port", self.listen_seconds)

    def __enter__(self) -> ServerProcess:
        try:
            self.start()
            self.wait_until_ready("/readyz", START_SECONDS)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None:
            print(self.output)

    @property
    def temporary(self) -> Path:
        """The folder for its temporary files (TMPDIR)."""
        return self.folder / "temporary"

    def begun(self, text: str) -> int:
        """How often workers have begun the card."""
        return len(begun_by(self.journal, text))

    def begun_by(self, text: str) -> list[int]:
        """The pids of workers that have begun the card."""
        return begun_by(self.journal, text)

    def worker_pids(self) -> list[int]:
        """The workers' process ids."""
        return [worker["pid"] for worker in self.health()["workers"]]

    def signal_worker(self, pid: int, number: int) -> bool:
        """Send a signal to a worker; False if it has exited, as its pid may be reused."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if not is_alive(pid) or pid not in worker_processes(self.pid):
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def _find_port(self) -> bool:
        assert self.is_running, f"the server exited:\n{self.output}"
        found = re.search(r"listens on http://[^ ]+:(\d+)\n", self.output)
        self.port = int(found[1]) if found else 0
        return found is not None


def _without_spares(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, without spares unless they name a number: the default depends on the memory."""
    ocr = settings.get("ocr", {})
    process = {"spares": 0, **ocr.get("process", {})}
    return {**settings, "ocr": {**ocr, "process": process}}


def run_setup(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python setup.py ARGUMENTS` until it exits."""
    return subprocess.run(
        [sys.executable, str(ROOT / "setup.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **environment},
        check=False,
    )
