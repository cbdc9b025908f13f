"""Digests of images: found among recent images, or computed without blocking the event loop."""

from __future__ import annotations

import asyncio

from cache.keys import Digests, digest
from cache.recent_images import RecentImages

INLINE_HASH_BYTES = 256 << 10


class Digester:
    """Looks up digests of recent images by their bytes, and hashes other images."""

    def __init__(self, recent: RecentImages) -> None:
        self.recent = recent

    def known(self, data: bytes, owner: str) -> Digests | None:
        """The digests of an image that was remembered for this owner, or None."""
        return self.recent.digests(data, owner)

    async def compute(self, data: bytes) -> Digests:
        """Compute both digests; large images are hashed in a thread."""
        if len(data) <= INLINE_HASH_BYTES:
            return digest(data)
        return await asyncio.to_thread(digest, data)

    def remember(self, data: bytes, digests: Digests, owner: str) -> None:
        """Remember an image that was sent twice, because it may well be sent again."""
        self.recent.remember(data, digests, owner)
