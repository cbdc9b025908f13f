"""Digests of images that are not known yet, without holding up the event loop."""

from __future__ import annotations

import asyncio

from cache.keys import Digests, digest

INLINE_HASH_BYTES = 256 << 10


async def hash_image(data: bytes) -> Digests:
    """Both digests; in a thread if there is much to hash."""
    if len(data) <= INLINE_HASH_BYTES:
        return digest(data)
    return await asyncio.to_thread(digest, data)
