"""Digests of images: known from a moment ago, or computed without holding up the event loop."""

from __future__ import annotations

import asyncio

from cache.keys import Digests, digest
from cache.recent_images import RecentImages

INLINE_HASH_BYTES = 256 << 10


class Digester:
    """Knows images that were asked for twice a moment ago by their bytes, and hashes others."""

    def __init__(self, recent: RecentImages) -> None:
        self.recent = recent

    def known(self, data: bytes) -> Digests | None:
        """The digests of an image that is remembered."""
        return self.recent.digests(data)

    async def compute(self, data: bytes) -> Digests:
        """Both digests; in a thread if there is much to hash."""
        if len(data) <= INLINE_HASH_BYTES:
            return digest(data)
        return await asyncio.to_thread(digest, data)

    def remember(self, data: bytes, digests: Digests) -> None:
        """Keep an image that was asked for again, since it may well be asked for once more."""
        self.recent.remember(data, digests)
