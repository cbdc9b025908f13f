"""A job that this process works on, as the runner keeps it in memory."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection

from server.jobs.rows import JobRow
from server.service.flights import Ticket

WAITING = 0.5  # jobs that wait in the pool for each of its workers, and one more
ENDING = 2  # jobs for each worker whose results are being written


class Held:
    """A job that this process works on."""

    def __init__(self, row: JobRow) -> None:
        self.row = row
        self.ticket: Ticket | None = None
        self.work: asyncio.Task[None] | None = None
        self.begin_noted = False  # the row knows that a worker has begun, or will in a moment
        self.noting: asyncio.Task[None] | None = None  # writes that
        self.ended = False  # what is left is to write how

    def has_begun(self) -> bool:
        """Whether a worker has begun its image, and the row does not know yet."""
        begun = self.ticket is not None and self.ticket.state == "running"
        return begun and not self.begin_noted

    def waits(self) -> bool:
        """Whether no worker has begun its image."""
        return not self.ended and (self.ticket is None or self.ticket.state == "queued")


def needs_more(several: Collection[Held], workers: int) -> bool:
    """Whether the process that has these jobs should take another one.

    In the pool, jobs get their share of the turns only while one waits there. So the next one is
    taken when a worker starts with one, and not when its result has been written.
    """
    most = 1 + math.ceil(WAITING * workers)
    waiting = sum(held.waits() for held in several)
    return waiting < most and len(several) < most + (1 + ENDING) * workers
