"""A process that only copies memory, on its own core: the worst neighbour."""

from __future__ import annotations

import os
import time
from multiprocessing.sharedctypes import Synchronized
from types import TracebackType

from pinned_replay import SPAWN

BUFFER_BYTES = 256 << 20  # larger than any cache
START_SECONDS = 60.0


class BusyNeighbour:
    """Copies a large buffer on the core until exit; then has the GB/s that it read and wrote."""

    def __init__(self, core: int) -> None:
        self._moved: Synchronized[float] = SPAWN.Value("d", 0.0)
        self._process = SPAWN.Process(target=_copy, args=(core, self._moved), daemon=True)

    def __enter__(self) -> BusyNeighbour:
        self._process.start()
        deadline = time.monotonic() + START_SECONDS
        while self._moved.value == 0.0:
            if time.monotonic() > deadline or not self._process.is_alive():
                raise RuntimeError("the neighbour did not start")
            time.sleep(0.01)
        self._before, self._start = self._moved.value, time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._start
        self.gigabytes_per_second = (self._moved.value - self._before) / seconds / 1e9
        self._process.terminate()
        self._process.join()


def _copy(core: int, moved: Synchronized[float]) -> None:
    import numpy as np

    os.sched_setaffinity(0, {core})
    source = np.ones(BUFFER_BYTES, dtype=np.uint8)
    target = np.empty_like(source)
    while True:
        np.copyto(target, source)
        moved.value += 2 * BUFFER_BYTES
