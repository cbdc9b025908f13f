"""Images that cost workers are refused for a while, unless they are known to be harmless."""

from __future__ import annotations

import time

from cachetools import LRUCache, TTLCache

from ocr_engine.errors import ImageKillsWorkers, ImageTooComplex
from server.errors import PoisonInput
from server.service.flights import FlightIdentity

QUARANTINE_SECONDS = 600.0
MAX_REFUSED = 10_000
MAX_HARMLESS = 5_000  # some 500 bytes each


class Quarantine:
    """Remembers what became of images; used from one thread.

    One that killed its workers is refused whatever its options, one that needed too much memory
    only with these. An image that has been read before is never refused as a killer.
    """

    def __init__(self) -> None:
        self._refused: TTLCache[FlightIdentity | str, Exception] = TTLCache(
            MAX_REFUSED, QUARANTINE_SECONDS, timer=time.monotonic
        )
        self._harmless: LRUCache[FlightIdentity, None] = LRUCache(MAX_HARMLESS)

    def check(self, identity: FlightIdentity) -> None:
        """Raise PoisonInput or ImageTooComplex for an image that is refused."""
        reasons = (identity,) if self.is_harmless(identity) else (identity, identity[1])
        for reason in reasons:
            if (refusal := self._refused.get(reason)) is not None:
                raise refusal.with_traceback(None)

    def is_harmless(self, identity: FlightIdentity) -> bool:
        """Whether this image has been read with these options and models."""
        return identity in self._harmless

    def was_read(self, identity: FlightIdentity) -> None:
        """An image has been read: no later death of a worker is its fault."""
        self._harmless[identity] = None

    def failed(self, identity: FlightIdentity, error: Exception) -> None:
        """An image could not be read; it is refused from now on if it has cost workers."""
        if isinstance(error, ImageKillsWorkers):
            self._refused[identity[1]] = PoisonInput(
                "this image ended two workers a short time ago; it is refused"
            )
        elif isinstance(error, ImageTooComplex):
            self._refused[identity] = error
