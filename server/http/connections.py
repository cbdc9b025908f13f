"""How many connections may be open at once: descriptors are left for workers and files."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

MAX_DESCRIPTORS = 65_536
RESERVED_DESCRIPTORS = 64  # the loop, logs, files that requests name
DESCRIPTORS_PER_WORKER = 8  # its channel and process, twice while it is being replaced
MIN_CONNECTIONS = 8


@dataclass(slots=True)
class Connections:
    """How many are open, and how many may be."""

    limit: int
    open: int = 0

    def full(self) -> bool:
        """Whether the next one has to wait."""
        return self.open >= self.limit


def raise_descriptor_limit() -> None:
    """Raise the soft limit on open files to the hard one, up to MAX_DESCRIPTORS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_number(hard), MAX_DESCRIPTORS)
    if _number(soft) < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_limit(workers: int) -> int:
    """How many connections leave enough descriptors for so many workers."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = min(_number(soft), MAX_DESCRIPTORS) - RESERVED_DESCRIPTORS
    return max(MIN_CONNECTIONS, spare - DESCRIPTORS_PER_WORKER * workers)


def _number(limit: int) -> int:
    return MAX_DESCRIPTORS if limit == resource.RLIM_INFINITY else limit
