"""Whether to stop a cancelled task, although its worker must be killed for that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

SACRIFICE_SECONDS = 30.0


class Sacrifices:
    """Allows, within any SACRIFICE_SECONDS, as many kills as there are workers.

    Otherwise, clients that cancel could keep the pool busy starting workers. clock: monotonic
    seconds.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._last: deque[float] = deque(maxlen=workers)
        self._clock = clock

    def allow(self, busy_seconds: float, start_seconds: float) -> bool:
        """Whether to kill a worker; a yes is counted.

        busy_seconds: how long its task has taken so far. start_seconds: how long it takes to start
        a worker; if that is longer, the worker is not killed.
        """
        now, last = self._clock(), self._last
        if busy_seconds < start_seconds:
            return False
        if len(last) == last.maxlen and now - last[0] < SACRIFICE_SECONDS:
            return False
        last.append(now)
        return True
