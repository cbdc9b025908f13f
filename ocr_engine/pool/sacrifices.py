"""Whether a cancelled task is worth the worker that would have to be killed to stop it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

SACRIFICE_SECONDS = 30.0


class Sacrifices:
    """Allows one sacrifice per worker in SACRIFICE_SECONDS.

    Clients that cancel must not keep the pool busy starting workers. clock: monotonic seconds.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._last: deque[float] = deque(maxlen=workers)
        self._clock = clock

    def allow(self, busy_seconds: float, start_seconds: float) -> bool:
        """Whether to kill a worker that has been busy for so long, and takes so long to start.

        Only if starting another one takes less time than the task has taken.
        """
        now, last = self._clock(), self._last
        if busy_seconds < start_seconds:
            return False
        if len(last) == last.maxlen and now - last[0] < SACRIFICE_SECONDS:
            return False
        last.append(now)
        return True
