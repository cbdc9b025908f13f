"""Waiting with a timeout, and observing processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

WAIT_SECONDS = 20.0
_POLL_SECONDS = 0.01


def wait_until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Return as soon as the condition is true; fail with `what` after a timeout."""
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


def descriptors(pid: int | str = "self") -> int:
    """How many descriptors a process has open, without those of its pool of SQLite connections."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # it was the one of this listing
            count += ".sqlite3" not in os.readlink(f"/proc/{pid}/fd/{name}")
    return count


def worker_processes(pid: int | str = "self") -> set[int]:
    """The workers that a process has started and not reaped, including zombies."""
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
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rss_mb(pid: int) -> float:
    """The resident memory of a process in MiB; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
