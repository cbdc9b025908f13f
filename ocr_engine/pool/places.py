"""Places for workers: starts a process for each empty one, later if starts fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

MAX_BACKOFF_SECONDS = 30.0


class Places:
    """Spawns a process for each empty place, with exponential backoff while starts fail.

    A round is all processes that are started together; it counts as one attempt. empty: returns the
    number of empty places. spawn: starts one process of the round with this number. rounds: the
    numbers of the rounds. Used from the event loop.
    """

    def __init__(
        self, empty: Callable[[], int], spawn: Callable[[int], None], rounds: Iterator[int]
    ) -> None:
        self._empty = empty
        self._spawn = spawn
        self._rounds = rounds
        self._failed: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last success."""
        return len(self._failed)

    def fill(self) -> None:
        """Start what is missing, now or when the backoff is over."""
        if self._timer is not None or self._empty() <= 0:
            return
        if self._failed:
            backoff = min(2.0 ** min(self.failures - 1, 10), MAX_BACKOFF_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(backoff, self._spawn_missing)
        else:
            self._spawn_missing()

    def started(self) -> None:
        """A process has become warm: the next one may be started immediately."""
        self._failed.clear()

    def failed(self, spawn_round: int) -> None:
        """A process has ended before it was warm."""
        self._failed.add(spawn_round)

    def close(self) -> None:
        """Start no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _spawn_missing(self) -> None:
        self._timer = None
        spawn_round = next(self._rounds)
        for _ in range(self._empty()):
            self._spawn(spawn_round)
