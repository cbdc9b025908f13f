"""The source of an image that was sent as bytes: as the whole body or as a form part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cache.keys import Digests, digest
from ocr_engine.documents.kinds import START_BYTES
from server.blobs.memory_file import memory_file
from server.intake.request import ImageBytes, SourceFile
from server.principal import Scope

# Looks up the digests of a recent image, for an owner as in CacheKey.
KnownDigests = Callable[[bytes, str], Digests | None]


class UploadedImage:
    """An image whose bytes are in memory; see ImageSource.

    known: looks up the digests; called each time that they are asked for, until it finds them.
    """

    scope: Scope = "read"

    def __init__(self, data: bytes, known: KnownDigests) -> None:
        self._data = data
        self._known = known
        self._digests: Digests | None = None

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource."""
        if self._digests is None:
            self._digests = self._known(self._data, owner)
        return self._digests

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return 0

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource."""
        return ImageBytes(self._data, self._digests)

    def close(self) -> None:
        """See ImageSource."""

    async def start(self) -> bytes:
        """See FileSource."""
        return self._data[:START_BYTES]

    async def as_file(self, owner: str) -> SourceFile:
        """See FileSource."""
        digests = self.known_digests(owner)
        if digests is None:
            digests = await asyncio.to_thread(digest, self._data)
        return SourceFile(await memory_file(self._data), len(self._data), digests)
