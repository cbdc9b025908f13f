"""The source of an image that was sent as bytes: as the whole body or as a form part."""

from __future__ import annotations

from collections.abc import Callable

from cache.keys import Digests
from server.intake.request import ImageBytes

# Looks up the digests of a recent image, in a scope of CacheKey.
KnownDigests = Callable[[bytes, str], Digests | None]


class UploadedImage:
    """An image whose bytes are in memory; see ImageSource. known: asked until it has digests."""

    def __init__(self, data: bytes, known: KnownDigests) -> None:
        self._data = data
        self._known = known
        self._digests: Digests | None = None

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, scope: str) -> Digests | None:
        """See ImageSource."""
        if self._digests is None:
            self._digests = self._known(self._data, scope)
        return self._digests

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return 0

    async def read(self, scope: str) -> ImageBytes:
        """See ImageSource."""
        return ImageBytes(self._data, self._digests)

    def close(self) -> None:
        """See ImageSource."""
