"""A time limit that is set with every request, and hardly ever passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `passed` when the most recently set time has passed. Use on the event loop only.

    A new timer for every set() would cost a cached answer 5 % of its time. So there is at most one
    timer: it is kept when the deadline moves later, and if it fires too early it is set again.
    """

    def __init__(self, passed: Callable[[], None]) -> None:
        self._passed = passed
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether a time is set."""
        return self._due is not None

    def set(self, seconds: float) -> None:
        """Set the time to this many seconds from now, instead of any earlier set time."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._check)

    def clear(self) -> None:
        """Forget the time, until the next set()."""
        self._due = None

    def end(self) -> None:
        """Forget the time and cancel the timer; the deadline is not used again."""
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
