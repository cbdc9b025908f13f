"""The number of cores that this process may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The cores in the CPU affinity, or fewer if a cgroup quota allows less."""
    cores = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as limit:
            quota, period = limit.read().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, cores)
