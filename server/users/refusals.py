"""Refused keys in the log: at most one line a second, however many there are."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LOG_SECONDS = 1.0

log = logging.getLogger("server.keys")


class Refusals:
    """Counts refused keys, and logs the count at intervals; keys themselves are not logged."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at = float("-inf")
        self._count = 0

    def note(self, address: str) -> None:
        """A key from this address was refused."""
        self._count += 1
        now = self._clock()
        if now >= self._logged_at + LOG_SECONDS:
            log.warning(
                "refused keys that are unknown, revoked or expired: %d since the last such line; "
                "the latest from %s",
                self._count,
                address or "-",
            )
            self._logged_at, self._count = now, 0
