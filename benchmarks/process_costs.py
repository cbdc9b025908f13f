"""CPU seconds and memory of running processes, from /proc."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

QUIET_SECONDS = 0.5


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of the processes so far, all threads, without their children."""
    return sum(map(_cpu_ticks, pids)) / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(pids: Sequence[int], seconds: float = 60.0) -> None:
    """Wait until the processes use no CPU: idle workers prepare shapes for a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_seconds(pids)
        time.sleep(QUIET_SECONDS)
        if cpu_seconds(pids) - before < 0.05 * QUIET_SECONDS:
            return
    raise RuntimeError(f"processes {pids} are still busy after {seconds:g} s")


def pss_mb(pid: int) -> float:
    """The process's memory in MB (10^6 bytes); a page shared by n processes counts 1/n."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return _kib(rollup, "Pss") * 1024 / 1e6


def peak_rss_mb(pid: int) -> float:
    """The peak memory of the process in MB, including all shared pages."""
    return _kib(Path(f"/proc/{pid}/status").read_text(), "VmHWM") * 1024 / 1e6


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _kib(text: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) if found else 0
