"""A filter that keeps clients from filling the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class Seldom(logging.Filter):
    """Lets one record of level INFO or below pass per `seconds`.

    The record says how many were dropped since the previous one. clock: monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._next: float | None = None
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if record.levelno > logging.INFO:
            return True
        now = self._clock()
        if self._next is not None and now < self._next:
            self._dropped += 1
            return False
        if self._dropped:
            record.msg = f"{record.msg} (and {self._dropped} more before)"
        self._next, self._dropped = now + self._seconds, 0
        return True
