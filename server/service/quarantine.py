"""Refuses, for a while, images that crashed or occupied workers and are not known as harmless."""

from __future__ import annotations

import time

from cachetools import LRUCache, TTLCache

from ocr_engine.errors import ImageKillsWorkers, ImageTooComplex, RecognitionTimeout
from server.errors import PoisonInput
from server.service.flights import FlightIdentity

QUARANTINE_SECONDS = 600.0
MAX_REFUSED = 10_000
MAX_HARMLESS = 5_000  # some 500 bytes each


class Quarantine:
    """Remembers which images crashed workers or needed too much memory or time.

    An image that crashed workers is refused with any options. One that needed too much memory, or
    more time than the limit, is refused with the same options. But an image that was recognized
    before is never refused because it later crashed workers or took too long. Used from one thread.

    Each owner (see CacheKey) has its own quarantine,
    because otherwise a refusal would show that another user has sent the same image. Separate
    quarantines cost little safety: whoever wants to crash workers again only has to change one byte
    of the image.
    """

    def __init__(self) -> None:
        self._refused: TTLCache[FlightIdentity | tuple[str, str], Exception] = TTLCache(
            MAX_REFUSED, QUARANTINE_SECONDS, timer=time.monotonic
        )
        self._harmless: LRUCache[FlightIdentity, None] = LRUCache(MAX_HARMLESS)

    def check(self, identity: FlightIdentity) -> None:
        """Raise PoisonInput, ImageTooComplex or RecognitionTimeout for an image in quarantine."""
        reasons: list[FlightIdentity | tuple[str, str]] = [identity]
        if not self.is_harmless(identity):
            reasons.append(_image(identity))
        for reason in reasons:
            if (refusal := self._refused.get(reason)) is not None:
                raise refusal.with_traceback(None)

    def is_harmless(self, identity: FlightIdentity) -> bool:
        """Whether this image has been recognized with these options and models."""
        return identity in self._harmless

    def was_read(self, identity: FlightIdentity) -> None:
        """Record a recognized image: later crashes of workers are not its fault."""
        self._harmless[identity] = None

    def failed(self, identity: FlightIdentity, error: Exception) -> None:
        """Record a failed image; if it crashed workers, it goes into quarantine."""
        if isinstance(error, ImageKillsWorkers):
            self._refused[_image(identity)] = PoisonInput(
                "this image crashed two workers recently; it is refused for a while"
            )
        elif isinstance(error, ImageTooComplex):
            self._refused[identity] = error
        elif (
            isinstance(error, RecognitionTimeout)
            and error.is_slow
            and not self.is_harmless(identity)
        ):
            self._refused[identity] = RecognitionTimeout(
                f"{error.message}; the same image is refused for a while"
            )


def _image(identity: FlightIdentity) -> tuple[str, str]:
    """The owner and the image's SHA-256: the same for all options and models."""
    return identity[0].owner, identity[1]
