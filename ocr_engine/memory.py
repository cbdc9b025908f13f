"""Memory use and limits of processes, and the number of out-of-memory kills.

Runs in the parent and in the workers; reads /proc and the cgroup's files (version 1 and 2).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def rss_mb(pid: int | str = "self") -> int:
    """A process's resident memory in MiB."""
    return memory_bytes(pid)[1] >> 20


def return_free_memory() -> None:
    """Return all free pages of glibc's heap to the kernel; takes up to a tenth of a second."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def memory_bytes(pid: int | str = "self") -> tuple[int, int]:
    """A process's address space and resident memory; OSError if there is no such process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        size, resident = statm.read().split()[:2]
    return int(size) * _PAGE_BYTES, int(resident) * _PAGE_BYTES


def oom_kills() -> int:
    """How many processes the kernel has killed because memory ran out.

    Counted in this process's cgroup, or on the whole machine if that count cannot be read; 0 if
    neither can.
    """
    for path in _oom_counters():
        for name, value in _entries(path):
            if name == "oom_kill":
                return int(value)
    return 0


@functools.cache
def memory_limit_mb() -> int:
    """The memory limit of this process's cgroup, or the machine's memory if that is less."""
    limit = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    for path in _cgroup_files("memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            limit = min(limit, int(path.read_text()))
    return limit >> 20


def available_mb() -> int:
    """The memory that this process and its workers can still get, in MiB.

    The least of what the machine and each cgroup have left; caches of files count as available.
    """
    available = memory_limit_mb() << 20
    for name, value in _entries(Path("/proc/meminfo"), fields=3):
        if name == "MemAvailable:":
            available = min(available, int(value) << 10)
    for limit, used in zip(
        _cgroup_files("memory.max", "memory.limit_in_bytes"),
        _cgroup_files("memory.current", "memory.usage_in_bytes"),
        strict=True,
    ):
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            left = int(limit.read_text()) - int(used.read_text())
            caches = {name: int(value) for name, value in _entries(limit.parent / "memory.stat")}
            available = min(available, left + caches.get("inactive_file", 0))
    return available >> 20


@functools.cache
def _oom_counters() -> tuple[Path, ...]:
    counters = _cgroup_files("memory.events", "memory.oom_control")
    return (*(path for path in counters if path.exists()), Path("/proc/vmstat"))


def _cgroup_files(version_2: str, version_1: str) -> Iterator[Path]:
    """The paths of these files for this process's cgroup, whether or not they exist.

    In a container the cgroup's own folder may be mounted as the root.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for place in (path.lstrip("/"), ""):
                if not controllers:
                    yield _CGROUPS / place / version_2
                elif "memory" in controllers.split(","):
                    yield _CGROUPS / "memory" / place / version_1


def _entries(path: Path, fields: int = 2) -> Iterator[list[str]]:
    """Name and value of each line with this many fields; none if the file cannot be read."""
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            entry = line.split()
            if len(entry) == fields:
                yield entry[:2]
