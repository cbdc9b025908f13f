"""The limit on the bytes of all images and answers in the server at any time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ocr_engine.engine import Engine
from ocr_engine.errors import QueueFull
from server.service.outgoing import LARGE_BYTES, Buffer, OutgoingBytes


class InflightBytes:
    """Counts bodies and images being received, images in the worker pool, and answers not yet sent.

    peak: the most since it was last set, without answers that are sent without a check.
    """

    def __init__(self, engine: Engine, limit: int) -> None:
        self.received = 0
        self.peak = 0
        self.outgoing = OutgoingBytes()
        self.limit = limit
        self._engine = engine

    def total(self) -> int:
        """The sum of these bytes."""
        return self.received + self._engine.pending_bytes() + self.outgoing.total

    def check(self, more: int) -> None:
        """QueueFull if this many more bytes would exceed the limit."""
        total = self.total()
        if total + more > self.limit:
            raise self._full(total)
        if total + more > self.peak:
            self.peak = total + more

    @contextmanager
    def reserve(self, more: int) -> Iterator[None]:
        """Count so many bytes that arrive from elsewhere in this context; QueueFull as in check().

        0: nothing arrives, and nothing is checked.
        """
        if more:
            self.check(more)
        self.received += more
        try:
            yield
        finally:
            self.received -= more

    def check_answer(self, body: Sequence[Buffer]) -> None:
        """QueueFull if too many bytes of answers are waiting for slow clients.

        Buffers that are already being sent to others are not counted again. If no other answer is
        waiting, this one is always sent, however large. An answer of up to LARGE_BYTES
        is sent even while images fill the limit.
        """
        if not self.outgoing.total:
            return
        length = sum(map(len, body))
        if length <= LARGE_BYTES:  # it will be copied
            if self.outgoing.total + length > self.limit:
                raise self._full(self.outgoing.total)
        elif (more := self.outgoing.more(body)) > LARGE_BYTES:
            self.check(more)

    def _full(self, total: int) -> QueueFull:
        return QueueFull(
            f"{total} bytes of images and answers are in progress and {self.limit} are "
            "allowed; try again later",
            self._engine.retry_after(),
        )
