"""Admission control: by the length of the backlog, the user's part of it and the expected wait."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from ocr_engine.engine import ANONYMOUS_USER
from ocr_engine.errors import QueueFull

MAX_SAMPLES = 50
MIN_SAMPLES = 10
WAIT_MARGIN = 0.9  # of the allowed wait: a task expected right at its limit is late half the time
MAX_RETRY_AFTER_SECONDS = 120
RESERVE = 0.1  # of the backlog, for users that have no task in it
MIN_COST, MAX_COST = 1 / 8, 8.0  # small images have a fixed cost; large ones are scaled down
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits when a task arrives.

    total: tasks of all users. own: tasks of this user. ahead: how many are expected to be started
    before the new one, see Backlog.ahead.
    """

    total: int
    own: int
    ahead: float


class Admission:
    """Refuses tasks that find no room or would wait too long; used from the event loop.

    queue_size: limit of the backlog. queue_seconds: limit of the wait. user_share: how much of the
    backlog one user may fill alone, 1 for all of it; decisions/0035.
    """

    def __init__(self, queue_size: int, queue_seconds: float, user_share: float = 1.0) -> None:
        self._queue_size = queue_size
        self._queue_seconds = queue_seconds
        self._room_factor = user_share / (1 - user_share) if user_share < 1 else math.inf
        self._reserve = int(queue_size * RESERVE) if user_share < 1 else 0
        self._several_users = False
        self._seconds: deque[float] = deque(maxlen=MAX_SAMPLES)
        self._pixels: deque[int] = deque(maxlen=MAX_SAMPLES)

    def record(self, seconds: float, pixels: int = 0) -> None:
        """Note the duration of a finished recognition. pixels: size of its image, 0 if unknown."""
        self._seconds.append(seconds)
        if pixels:
            self._pixels.append(pixels)

    def cost(self, pixels: int) -> float:
        """The expected time for an image of this size, relative to an average image.

        The time per pixel is assumed to be the same for all images, so only sizes matter.
        """
        if not pixels or not self._pixels:
            return 1.0
        cost = pixels * len(self._pixels) / sum(self._pixels)
        return min(max(cost, MIN_COST), MAX_COST)

    def meet(self, user: str) -> None:
        """Note the user of a task; once a user has a name, nobody may fill the whole backlog."""
        self._several_users = self._several_users or user != ANONYMOUS_USER

    def expected_wait(self, ahead: float, workers: int) -> float:
        """Estimated wait behind `ahead` images; 0 until MIN_SAMPLES recognitions are known."""
        if len(self._seconds) < MIN_SAMPLES:
            return 0.0
        return (ahead + 0.5) * sum(self._seconds) / len(self._seconds) / max(workers, 1)

    def retry_after(self, wait: float) -> float:
        """When a client should retry: after about half of the present backlog has been served."""
        return float(min(max(1, math.ceil(wait / 2)), MAX_RETRY_AFTER_SECONDS))

    def check(self, waiting: Waiting, workers: int, patience: float | None) -> None:
        """QueueFull if there is no room, or if the wait would exceed queue_seconds or patience.

        workers: warm workers. patience: how long the client waits.
        """
        wait = self.expected_wait(waiting.ahead, workers)
        limit = self._queue_seconds if patience is None else min(patience, self._queue_seconds)
        if waiting.total >= self._queue_size:
            problem = f"{waiting.total} images are waiting, which is the limit"
        elif not self._has_room(waiting):
            problem = (
                f"{waiting.own} of your images are waiting, and other users need the rest of the "
                f"queue of {self._queue_size}"
            )
        elif wait > WAIT_MARGIN * limit:
            problem = (
                f"{_of_whom(waiting)} waiting: the expected wait of about {wait:.0f} s is too long "
                f"for the limit of {limit:g} s"
            )
        else:
            return
        raise QueueFull(f"{problem}; try again later", self.retry_after(wait))

    def _has_room(self, waiting: Waiting) -> bool:
        """Whether the user's part of the backlog has room.

        A user may have as many tasks as places are free, times a factor (A. K. Choudhury and E. L.
        Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", IEEE/ACM
        Transactions on Networking 6(2), 1998). The last places are for users that have no task.
        """
        if not self._several_users or not waiting.own:
            return True
        free = self._queue_size - waiting.total
        return free > self._reserve and waiting.own < self._room_factor * free - _ROUNDING


def _of_whom(waiting: Waiting) -> str:
    others = waiting.total - waiting.own
    if not others:
        return f"{waiting.own} images are"
    return f"{waiting.own} of your images and {others} of other users are"
