"""A time limit that is set with every request, and hardly ever passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `passed` once the time that was set last is over; for the event loop.

    A timer for each time that it is set would cost a cached answer 5 % of its time. So there is one
    at most, which stays where it is while the deadline moves on, and is set again when it fires.
    """

    def __init__(self, passed: Callable[[], None]) -> None:
        self._passed = passed
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether it is going to pass."""
        return self._due is not None

    def set(self, seconds: float) -> None:
        """It passes so long from now, and not when it would have."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._check)

    def clear(self) -> None:
        """It does not pass, until it is set again."""
        self._due = None

    def end(self) -> None:
        """It is not needed any more."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._due is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._due:
            self._timer = loop.call_at(self._due, self._check)
        else:
            self._due = None
            self._passed()
