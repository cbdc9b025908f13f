"""Servers to break, and the invariant that holds after every fault of docs/reliability.md.

A test carries the number of its row: @pytest.mark.faults(7). `pytest -m faults -v` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_recognizers import card
from server_process import PICTURES, ServerProcess
from watching import descriptors, wait_until, worker_processes

NUMBER = 2
QUEUE_SIZE = 20
TASK_SECONDS = 2.0
DESCRIPTOR_SLACK = 2

KNOWN_CARD = card("a picture that every fault leaves alone")
KNOWN_PAGE = PICTURES / "sign_en_parking.png"


class FaultyServer:
    """A server process with what it held before the fault, so that it can be compared after."""

    def __init__(self, server: ServerProcess, known: bytes, temporary: Path) -> None:
        self.server = server
        self._known = known
        self._temporary = temporary
        self._text = server.upload(known).text
        self._settle()
        self._descriptors = descriptors(server.pid)

    def check_invariant(self) -> None:
        """Nothing waits or runs, every worker is ready, nothing leaked, and it still reads."""
        self._settle()
        allowed = self._descriptors + DESCRIPTOR_SLACK
        wait_until(lambda: descriptors(self.server.pid) <= allowed, f"at most {allowed} open files")
        left = list(self._temporary.rglob("*"))
        assert not left, f"temporary files are left: {left}"
        again = self.server.upload(self._known, {"Cache-Control": "no-cache"})
        assert (again.status, again.text) == (200, self._text)

    def _settle(self) -> None:
        wait_until(self._is_settled, "an idle server with all workers ready and no other child")

    def _is_settled(self) -> bool:
        health = self.server.get("/healthz").json
        ready = {worker["pid"] for worker in health["workers"] if worker["state"] == "ready"}
        return (
            len(ready) == len(health["workers"]) == NUMBER
            and worker_processes(self.server.pid) == ready  # also no zombie
            and health["queue"]["waiting"] == health["queue"]["running"] == 0
            and health["requests"] == {"open": 0, "in_flight": 0, "bytes": 0}
        )


def fault_settings(folder: Path, **process: Any) -> dict[str, Any]:
    """Settings of a small and impatient server; pictures may be named in `folder`/pictures."""
    return {
        "web_server": {"filename_roots": [str(folder / "pictures")]},
        "ocr": {
            "process": {
                "number": NUMBER,
                "queue_size": QUEUE_SIZE,
                "timeout_seconds": TASK_SECONDS,
                **process,
            }
        },
    }


def _serve(folder: Path, fakes: bool) -> Iterator[ServerProcess]:
    (folder / "pictures").mkdir()
    temporary = folder / "temporary"
    temporary.mkdir()
    settings = fault_settings(folder) if fakes else fault_settings(folder, timeout_seconds=30)
    server = ServerProcess(folder, settings, fakes=fakes, environment={"TMPDIR": str(temporary)})
    with server:
        yield server


@pytest.fixture(scope="session")
def _fakes_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from _serve(tmp_path_factory.mktemp("fakes"), fakes=True)


@pytest.fixture(scope="session")
def _models_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from _serve(tmp_path_factory.mktemp("models"), fakes=False)


@pytest.fixture
def fakes(_fakes_process: ServerProcess) -> Iterator[ServerProcess]:
    """A server with two Obedient workers; the invariant holds after the test."""
    faulty = FaultyServer(_fakes_process, KNOWN_CARD, _fakes_process.folder / "temporary")
    yield _fakes_process
    faulty.check_invariant()


@pytest.fixture
def models(_models_process: ServerProcess) -> Iterator[ServerProcess]:
    """A server with two workers and the real models; the invariant holds after the test."""
    known = KNOWN_PAGE.read_bytes()
    faulty = FaultyServer(_models_process, known, _models_process.folder / "temporary")
    yield _models_process
    faulty.check_invariant()
