"""How many cores this process may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The cores of its affinity, or fewer where a cgroup allows less."""
    cores = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as limit:
            quota, period = limit.read().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, cores)
