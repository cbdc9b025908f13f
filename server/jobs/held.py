"""A job that this process works on, as the runner keeps it in memory."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection

from server.jobs.document_work import ReadingTicket
from server.jobs.rows import JobRow
from server.service.flights import Ticket

WAITING = 0.5  # jobs per worker that wait in the pool; one more is added
ENDING = 2  # jobs per worker whose results are being written


class Held:
    """A job that this process works on."""

    def __init__(self, row: JobRow) -> None:
        self.row = row
        self.ticket: Ticket | ReadingTicket | None = None
        self.work: asyncio.Task[None] | None = None
        self.begin_noted = False  # the row says that a worker has begun, or soon will
        self.noting: asyncio.Task[None] | None = None  # the task that changes the row
        self.ended = False  # only its outcome remains to be written

    def has_begun(self) -> bool:
        """Whether a worker has begun its image, and the row does not say so yet."""
        begun = self.ticket is not None and self.ticket.state == "running"
        return begun and not self.begin_noted

    def waits(self) -> bool:
        """Whether no worker has begun its image."""
        return not self.ended and (self.ticket is None or self.ticket.state == "queued")


def needs_more(several: Collection[Held], workers: int) -> bool:
    """Whether the process that has these jobs should take another one.

    The pool gives jobs their share of the workers only while a job waits there. So the next job is
    taken as soon as a worker begins one, not only when the result of that one has been written.
    """
    most = 1 + math.ceil(WAITING * workers)
    waiting = sum(held.waits() for held in several)
    return waiting < most and len(several) < most + (1 + ENDING) * workers
