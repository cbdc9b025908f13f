"""A peer as a running program: on a free port, without internet access, with its own log."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.program import Program, free_port

START_SECONDS = 120.0
STOP_SECONDS = 30.0

# A download would fail immediately and visibly: nothing listens on port 9.
_OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")

Command = Callable[[int, Path], Sequence[str]]


@contextlib.contextmanager
def running(command: Command, path: str, environment: Mapping[str, str]) -> Iterator[Program]:
    """Start it, wait until GET `path` is answered with 200, and stop it at the end.

    `command` creates the command line for a port and a folder that exists as long as the server.
    """
    with tempfile.TemporaryDirectory(prefix="peer-benchmark-") as scratch:
        folder = Path(scratch)
        surroundings = {**_offline(), **environment, "TMPDIR": scratch}
        program = Program(folder, surroundings, detached=True, stop_seconds=STOP_SECONDS)
        program.port = free_port()
        program.spawn(command(program.port, folder), working_directory=folder)
        try:
            program.wait_until_ready(path, START_SECONDS)
            yield program
        finally:
            program.stop()


def _offline() -> dict[str, str]:
    lower = {name.lower(): value for name, value in _OFFLINE.items()}
    return {**_OFFLINE, **lower, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
