"""CPU seconds and memory of a process and all its descendants, read from /proc."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import process_costs

PERIOD_SECONDS = 1.0


def process_tree(root: int) -> Iterator[int]:
    """The process and all that descend from it."""
    yield root
    for thread in Path(f"/proc/{root}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from process_tree(int(child))


def cpu_seconds(root: int) -> float:
    """User and system time of the tree so far."""
    return process_costs.cpu_seconds(process_tree(root))


def pss_mb(root: int) -> float:
    """Memory of the tree in MB (10^6 bytes); a page that processes share counts once."""
    return sum(map(process_costs.pss_mb, process_tree(root)))


class PssWatch(threading.Thread):
    """Samples the memory of a process tree about once a second, as a context manager.

    peak_mb: the largest sample. own_cpu_seconds: the CPU time of the sampling itself.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak_mb = 0.0
        self.own_cpu_seconds = 0.0
        self._root = root
        self._done = threading.Event()

    def __enter__(self) -> PssWatch:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        """Sample immediately, then every second, and at the end."""
        is_last = False
        while True:
            with contextlib.suppress(OSError):  # a process or a thread has ended meanwhile
                self.peak_mb = max(self.peak_mb, pss_mb(self._root))
            self.own_cpu_seconds = time.thread_time()
            if is_last:
                return
            is_last = self._done.wait(PERIOD_SECONDS)
