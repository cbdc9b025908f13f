"""A server to break, and the invariant that holds after every fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from server.app import PATIENCE_SECONDS
from tests.support.server_process import ServerProcess
from tests.support.watching import descriptors, wait_until, worker_processes

NUMBER = 2
QUEUE_SIZE = 20
TASK_SECONDS = 2.0
DESCRIPTOR_SLACK = 2

Serve = Callable[..., ServerProcess]


class FaultyServer:
    """A server process with what it held before the fault, so that it can be compared after."""

    def __init__(self, server: ServerProcess, known: bytes, number: int = NUMBER) -> None:
        self.server = server
        self._known = known
        self._number = number
        self._text = server.upload(known).text
        self._settle()
        self._descriptors = descriptors(server.pid)

    def check_invariant(self) -> None:
        """Nothing waits or runs, every worker is ready, nothing leaked, and it still reads."""
        self._settle()
        allowed = self._descriptors + DESCRIPTOR_SLACK
        wait_until(lambda: descriptors(self.server.pid) <= allowed, f"at most {allowed} open files")
        left = list(temporary_folder(self.server.folder).rglob("*"))
        assert not left, f"temporary files are left: {left}"
        again = self.server.upload(self._known, {"Cache-Control": "no-cache"})
        assert (again.status, again.text) == (200, self._text)

    def _settle(self) -> None:
        wait_until(self._is_settled, "an idle server with all workers ready and no other child")

    def _is_settled(self) -> bool:
        health = self.server.health()
        ready = {worker["pid"] for worker in health["workers"] if worker["state"] == "ready"}
        return (
            len(ready) == len(health["workers"]) == self._number
            and worker_processes(self.server.pid) == ready  # also no zombie
            and health["queue"]["waiting"] == health["queue"]["running"] == 0
            and health["requests"] == {"open": 0, "in_flight": 0, "bytes": 0}
        )


def fault_settings(
    folder: Path, web_server: dict[str, Any] | None = None, **process: Any
) -> dict[str, Any]:
    """Settings of a small and impatient server; pictures may be named in `folder`/pictures."""
    return {
        "web_server": {"filename_roots": [str(folder / "pictures")], **(web_server or {})},
        "ocr": {
            "process": {
                "number": NUMBER,
                "queue_size": QUEUE_SIZE,
                "timeout_seconds": TASK_SECONDS,
                **process,
            }
        },
    }


def temporary_folder(folder: Path) -> Path:
    """Where a server that lives in the folder has its temporary files."""
    return folder / "temporary"


def prepare(
    folder: Path,
    fakes: bool,
    load: str = "load_obedient",
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE_SECONDS,
    **settings: Any,
) -> ServerProcess:
    """A server with folders of its own, not started yet; settings are for fault_settings.

    patience: as ServerProcess has it.
    """
    (folder / "pictures").mkdir()
    temporary = temporary_folder(folder)
    temporary.mkdir()
    surroundings = {"TMPDIR": str(temporary), **(environment or {})}
    values = fault_settings(folder, **settings)
    return ServerProcess(folder, values, fakes, surroundings, load, prefix, patience)
