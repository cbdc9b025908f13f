"""How many bytes of clients' pictures are in the server at once, and the limit on them."""

from __future__ import annotations

from ocr_engine.errors import QueueFull
from ocr_engine.pool.pool import Pool


class InflightBytes:
    """Bodies that are being received, and pictures that wait or are being read."""

    def __init__(self, pool: Pool, limit: int) -> None:
        self.received = 0
        self.limit = limit
        self._pool = pool

    def total(self) -> int:
        """All of them."""
        return self.received + self._pool.pending_bytes()

    def check(self, more: int) -> None:
        """QueueFull if so many bytes on top would be too many."""
        total = self.total()
        if total + more > self.limit:
            raise QueueFull(
                f"{total} bytes of pictures are waiting and {self.limit} are allowed; "
                "try again later",
                self._pool.admission.retry_after(self._pool.expected_wait()),
            )
