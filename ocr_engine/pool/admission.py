"""Whether an image is worth taking: how long it would wait, from how long others took lately."""

from __future__ import annotations

import math
from collections import deque

from ocr_engine.errors import QueueFull

MAX_SAMPLES = 50
MIN_SAMPLES = 10
WAIT_MARGIN = (
    0.9  # of the time allowed; what is expected to come at its very end comes late half the time
)
MAX_RETRY_AFTER_SECONDS = 120


class Admission:
    """Refuses what would wait in vain. Times are seconds; used from the event loop."""

    def __init__(self, queue_size: int, queue_seconds: float) -> None:
        self._queue_size = queue_size
        self._queue_seconds = queue_seconds
        self._seconds: deque[float] = deque(maxlen=MAX_SAMPLES)

    def record(self, seconds: float) -> None:
        """A recognition was done after so long."""
        self._seconds.append(seconds)

    def expected_wait(self, ahead: int, workers: int) -> float:
        """How long an image with so many before it would wait; 0 while too little is known."""
        if len(self._seconds) < MIN_SAMPLES:
            return 0.0
        return (ahead + 0.5) * sum(self._seconds) / len(self._seconds) / max(workers, 1)

    def retry_after(self, wait: float) -> float:
        """When to come back: as soon as half of those who wait now have been served."""
        return float(min(max(1, math.ceil(wait / 2)), MAX_RETRY_AFTER_SECONDS))

    def check(self, ahead: int, workers: int, patience: float | None) -> None:
        """QueueFull if the backlog is full, or if the wait would outlast deadline or patience.

        ahead: images that wait. workers: warm ones. patience: how long the client waits.
        """
        wait = self.expected_wait(ahead, workers)
        if ahead >= self._queue_size:
            raise QueueFull(
                f"{ahead} images are waiting, which is the limit; try again later",
                self.retry_after(wait),
            )
        limit = self._queue_seconds if patience is None else min(patience, self._queue_seconds)
        if wait > WAIT_MARGIN * limit:
            raise QueueFull(
                f"{ahead} images are waiting, so that it would take about {wait:.0f} s before "
                f"a worker is free, too long for the {limit:g} s allowed; try again later",
                self.retry_after(wait),
            )
