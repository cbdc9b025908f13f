"""Idle-time maintenance of a worker: returns memory, then prepares for later images.

Idle trim, after 2 s: release activation memory; compiled shapes stay, up to a memory limit.
Idle reset, after 30 to 40 s: drop compiled shapes, too; memory returns to about its start level.
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
    from ocr_engine.recognizer import KeepsMemory

IDLE_RESET_SECONDS = 30.0  # a reset costs 1 to 3 s of CPU
IDLE_RESET_SPREAD_SECONDS = 10.0  # random delay, so that workers do not all reset together
IDLE_RESET_SLACK_MB = 4  # memory differs by this much between resets without new shapes


class IdleMaintenance:
    """Runs while one worker is idle.

    max_rss_mb: RSS above which the idle trim drops the compiled shapes, too.
    """

    def __init__(self, recognizer: KeepsMemory, max_rss_mb: int) -> None:
        self._recognizer = recognizer
        self.max_rss_mb = max_rss_mb
        self._rss_mb_after_reset = 0

    def run_until_request(self, channel: connection.Connection) -> None:
        """Return when a request arrives or nothing is left to do.

        Raises EOFError and OSError as poll() does.
        """
        reset_at = time.monotonic() + IDLE_RESET_SECONDS
        reset_at += random.uniform(0, IDLE_RESET_SPREAD_SECONDS)
        if channel.poll(IDLE_TRIM_SECONDS):
            return
        for _ in self._trim():
            if channel.poll():
                return
        if channel.poll(max(0.0, reset_at - time.monotonic())):
            return
        for _ in self._reset():
            if channel.poll():
                return

    def _trim(self) -> Iterator[None]:
        trim_memory(self._recognizer, self.max_rss_mb)
        yield
        yield from self._prepare()

    def _reset(self) -> Iterator[None]:
        if rss_mb() > self._rss_mb_after_reset + IDLE_RESET_SLACK_MB:
            release(self._recognizer, shapes=True)
            yield
            yield from self._prepare()
            self._rss_mb_after_reset = rss_mb()

    def _prepare(self) -> Iterator[None]:
        """Prepare for later images, one step at a time."""
        while self._recognizer.prepare():
            release(self._recognizer)
            yield
