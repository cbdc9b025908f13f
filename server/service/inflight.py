"""How many bytes of clients' images and answers are in the server at once, and the limit."""

from __future__ import annotations

from collections.abc import Iterable

from ocr_engine.engine import Engine
from ocr_engine.errors import QueueFull
from server.service.outgoing import LARGE_BYTES, Buffer, OutgoingBytes


class InflightBytes:
    """Bodies that are being received, images that wait or are being read, answers not yet taken."""

    def __init__(self, engine: Engine, limit: int) -> None:
        self.received = 0
        self.outgoing = OutgoingBytes()
        self.limit = limit
        self._engine = engine

    def total(self) -> int:
        """All of them."""
        return self.received + self._engine.pending_bytes() + self.outgoing.total

    def check(self, more: int) -> None:
        """QueueFull if so many bytes on top would be too many."""
        total = self.total()
        if total + more > self.limit:
            raise QueueFull(
                f"{total} bytes of images and answers are under way and {self.limit} are allowed; "
                "try again later",
                self._engine.retry_after(),
            )

    def check_answer(self, body: Iterable[Buffer]) -> None:
        """QueueFull if clients are too slow to take the answers that are on their way already.

        One that others are being sent as well needs no room, and the only one is always sent.
        """
        more = self.outgoing.more(body)
        if more > LARGE_BYTES and self.outgoing.total:
            self.check(more)
