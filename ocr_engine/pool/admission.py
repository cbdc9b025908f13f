"""Admission control by estimated queueing delay, from the duration of recent recognitions."""

from __future__ import annotations

import math
from collections import deque

from ocr_engine.errors import QueueFull

MAX_SAMPLES = 50
MIN_SAMPLES = 10
WAIT_MARGIN = 0.9  # of the allowed wait: a task expected right at its limit is late half the time
MAX_RETRY_AFTER_SECONDS = 120


class Admission:
    """Refuses tasks that would wait too long. Times are seconds; used from the event loop."""

    def __init__(self, queue_size: int, queue_seconds: float) -> None:
        self._queue_size = queue_size
        self._queue_seconds = queue_seconds
        self._seconds: deque[float] = deque(maxlen=MAX_SAMPLES)

    def record(self, seconds: float) -> None:
        """Note the duration of a finished recognition."""
        self._seconds.append(seconds)

    def expected_wait(self, ahead: int, workers: int) -> float:
        """Estimated wait behind `ahead` images; 0 until MIN_SAMPLES recognitions are known."""
        if len(self._seconds) < MIN_SAMPLES:
            return 0.0
        return (ahead + 0.5) * sum(self._seconds) / len(self._seconds) / max(workers, 1)

    def retry_after(self, wait: float) -> float:
        """When a client should retry: after about half of the present backlog has been served."""
        return float(min(max(1, math.ceil(wait / 2)), MAX_RETRY_AFTER_SECONDS))

    def check(self, ahead: int, workers: int, patience: float | None) -> None:
        """QueueFull if the backlog is full, or if the wait would exceed queue_seconds or patience.

        ahead: images in the backlog. workers: warm workers. patience: how long the client waits.
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
                f"{ahead} images are waiting: the expected wait of about {wait:.0f} s is too long for "
                f"the limit of {limit:g} s; try again later",
                self.retry_after(wait),
            )
