"""What a worker does while no image comes: it gives memory back, and prepares for later images.

In two steps: a pause is short, and what made the last images fast stays, within a limit; in a
rest it goes, and the worker has about as much memory as at its start.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from multiprocessing import connection
from typing import TYPE_CHECKING

from ocr_engine.memory import rss_mb
from ocr_engine.worker.memory import release, trim_memory
from ocr_engine.worker.spec import IDLE_TRIM_SECONDS

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

IDLE_RESET_SECONDS = 30.0  # to begin anew takes 1 to 3 s of CPU
IDLE_RESET_SPREAD_SECONDS = 10.0  # random and in addition, lest all workers begin anew at once
IDLE_RESET_SLACK_MB = 4  # of what differs from one rest to the next though nothing new was read


class IdleMaintenance:
    """The pauses of one worker. max_rss_mb: above it, past images' shapes do not outlive one."""

    def __init__(self, recognizer: Recognizer, max_rss_mb: int) -> None:
        self._recognizer = recognizer
        self._most_rss_mb = max_rss_mb
        self._rested_rss_mb = 0

    def run_until_request(self, channel: connection.Connection) -> None:
        """Until something comes, or nothing is left to do; EOFError and OSError as of poll()."""
        rest = time.monotonic() + IDLE_RESET_SECONDS + random.uniform(0, IDLE_RESET_SPREAD_SECONDS)
        if channel.poll(IDLE_TRIM_SECONDS):
            return
        for _ in self._pause():
            if channel.poll():
                return
        if channel.poll(max(0.0, rest - time.monotonic())):
            return
        for _ in self._rest():
            if channel.poll():
                return

    def _pause(self) -> Iterator[None]:
        trim_memory(self._recognizer, self._most_rss_mb)
        yield
        yield from self._preparations()

    def _rest(self) -> Iterator[None]:
        if rss_mb() > self._rested_rss_mb + IDLE_RESET_SLACK_MB:
            release(self._recognizer, shapes=True)
            yield
            yield from self._preparations()
            self._rested_rss_mb = rss_mb()

    def _preparations(self) -> Iterator[None]:
        """Make later images faster, step by step."""
        while self._recognizer.prepare():
            release(self._recognizer)
            yield
