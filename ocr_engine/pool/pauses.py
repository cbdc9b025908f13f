"""What a worker does while no picture comes: it gives memory back, and prepares for later pictures.

In two steps: a pause is short, and what made the last pictures fast stays, within a limit; in a
rest it goes, and the worker has about as much memory as at its start.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from multiprocessing import connection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

PAUSE_SECONDS = 2.0
REST_SECONDS = 30.0  # to begin anew takes 1 to 3 s of CPU
REST_SLACK_MB = 8  # of what differs from one rest to the next though nothing was read


class Pauses:
    """The pauses of one worker. most_rss_mb: above it, past pictures' shapes do not outlive one."""

    def __init__(self, recognizer: Recognizer, most_rss_mb: int) -> None:
        self._recognizer = recognizer
        self._most_rss_mb = most_rss_mb
        self._rested_rss_mb = 0

    def use(self, channel: connection.Connection) -> None:
        """Until something comes, or nothing is left to do; EOFError and OSError as of poll()."""
        rest = time.monotonic() + REST_SECONDS
        if channel.poll(PAUSE_SECONDS):
            return
        give_memory_back(self._recognizer, self._most_rss_mb)
        if not self._prepare(channel) or channel.poll(max(0.0, rest - time.monotonic())):
            return
        if rss_mb() > self._rested_rss_mb + REST_SLACK_MB:
            _release(self._recognizer, shapes=True)
            if self._prepare(channel):
                self._rested_rss_mb = rss_mb()

    def _prepare(self, channel: connection.Connection) -> bool:
        """Make later pictures faster, step by step; false if something came meanwhile."""
        while self._recognizer.prepare():
            _release(self._recognizer)
            if channel.poll():
                return False
        return True


def give_memory_back(recognizer: Recognizer, most_rss_mb: int) -> None:
    """Past pictures' memory; and what makes later ones faster, if that alone is too much."""
    _release(recognizer)
    if rss_mb() > most_rss_mb:
        _release(recognizer, shapes=True)


def rss_mb() -> int:
    """This process's resident memory in MiB."""
    return memory_bytes()[1] >> 20


def memory_bytes() -> tuple[int, int]:
    """This process's address space and resident memory."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        size, resident = statm.read().split()[:2]
    page = os.sysconf("SC_PAGE_SIZE")
    return int(size) * page, int(resident) * page


def _release(recognizer: Recognizer, shapes: bool = False) -> None:
    """See Recognizer.release_memory; what it frees goes back to the system."""
    recognizer.release_memory(shapes)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
