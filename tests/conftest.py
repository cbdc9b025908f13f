"""What every test may use: waiting with a limit, what the process holds, servers with fakes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server_process import LiveServer

WAIT_SECONDS = 20.0
_POLL_SECONDS = 0.01


def wait_until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Come back as soon as the condition holds; fail with `what` if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_POLL_SECONDS)


async def until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """wait_until for coroutines."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(_POLL_SECONDS)


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def worker_processes(pid: int | str = "self") -> set[int]:
    """The workers that a process has started and not reaped, zombies included."""
    found: set[int] = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found |= {int(child) for child in (thread / "children").read_text().split()}
    return {child for child in found if not _is_resource_tracker(child)}


def kill_all(pids: set[int]) -> None:
    """End processes that a failed test would leave behind."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _is_resource_tracker(pid: int) -> bool:
    """multiprocessing starts one with the first worker and keeps it."""
    with contextlib.suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def no_error_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if anything was logged as an error; a test that expects one clears it."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    errors = [record for record in records if record.levelno >= logging.ERROR]
    assert not errors, [f"{r.name}: {r.getMessage()} {r.exc_info}" for r in errors]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that `hold` cards wait for; it is removed at the end at the latest."""
    path = tmp_path / "gate"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def _wide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    from server_process import LiveServer

    with LiveServer(tmp_path_factory.mktemp("wide"), number=2, queue_size=100) as server:
        yield server


@pytest.fixture(scope="session")
def _narrow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    from server_process import LiveServer

    with LiveServer(tmp_path_factory.mktemp("narrow"), number=1, queue_size=2) as server:
        yield server


@pytest.fixture
def wide(_wide_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with two obedient workers; whole again after every test."""
    _wide_server.clear()
    yield _wide_server
    _wide_server.check_whole()


@pytest.fixture
def narrow(_narrow_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with one obedient worker, and room for two pictures to wait."""
    _narrow_server.clear()
    yield _narrow_server
    _narrow_server.check_whole()
