"""The limit on open connections, which leaves descriptors for workers and files."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

MAX_DESCRIPTORS = 65_536
RESERVED_DESCRIPTORS = 64  # for the loop, logs and files that requests name
DESCRIPTORS_PER_WORKER = 8  # channel and process, twice while it is being recycled
MIN_CONNECTIONS = 8


@dataclass(slots=True)
class Connections:
    """The number of open connections, and its limit."""

    limit: int
    open: int = 0

    def full(self) -> bool:
        """Whether the next connection has to wait."""
        return self.open >= self.limit


def raise_descriptor_limit() -> None:
    """Raise the soft limit on open files to the hard one, up to MAX_DESCRIPTORS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_number(hard), MAX_DESCRIPTORS)
    if _number(soft) < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_limit(workers: int) -> int:
    """The number of connections that leaves enough descriptors for workers and spares."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = min(_number(soft), MAX_DESCRIPTORS) - RESERVED_DESCRIPTORS
    return max(MIN_CONNECTIONS, spare - DESCRIPTORS_PER_WORKER * workers)


def _number(limit: int) -> int:
    return MAX_DESCRIPTORS if limit == resource.RLIM_INFINITY else limit
