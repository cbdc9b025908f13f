"""LRU cache of recent uploads: comparing their bytes takes a tenth of the time of hashing them."""

from __future__ import annotations

from typing import NamedTuple

from cachetools import LRUCache

from cache.keys import Digests

SAMPLES = 256
EDGE_BYTES = 512
ENTRY_OVERHEAD_BYTES = 2000


class _Sketch(NamedTuple):
    """The lookup key of an image: its owner, length, first and last bytes, and samples in between.

    Images that differ only in metadata differ at their start or end. Copies of a form that are
    filled in differently may differ only in a few places in between.
    """

    owner: str
    length: int
    start: bytes
    end: bytes
    samples: bytes


class _Image(NamedTuple):
    data: bytes
    digests: Digests


class RecentImages:
    """The most recently used images with their digests; used from one thread.

    All bytes are compared, so two different images never count as equal. Of several images with the
    same length, the same first and last bytes, and the same samples between them, only the last is
    kept. An image is found only for the owner (as in CacheKey) for whom it was stored. max_bytes
    counts the images and a flat overhead for each; 0 disables the cache.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._images: LRUCache[_Sketch, _Image] = LRUCache(max_bytes, getsizeof=_size)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._images)

    @property
    def size_bytes(self) -> int:
        """How many of max_bytes are used."""
        return int(self._images.currsize)

    def digests(self, data: bytes, owner: str = "") -> Digests | None:
        """The digests of these bytes, if known."""
        try:
            known = self._images[_sketch(data, owner)]  # get() would look it up twice
        except KeyError:
            return None
        return known.digests if known.data == data else None

    def remember(self, data: bytes, digests: Digests, owner: str = "") -> None:
        """Store an image, evicting the least recently used ones if needed."""
        image = _Image(data, digests)
        if _size(image) <= self.max_bytes:
            self._images[_sketch(data, owner)] = image

    def forget(self, owner: str, md5: str | None = None) -> None:
        """Delete the images of an owner, or those with this MD5; takes time for each image kept."""
        for sketch, image in list(self._images.items()):
            if sketch.owner == owner and md5 in (None, image.digests.md5):
                del self._images[sketch]


def _sketch(data: bytes, owner: str) -> _Sketch:
    samples = data[:: len(data) // SAMPLES or 1]
    return _Sketch(owner, len(data), data[:EDGE_BYTES], data[-EDGE_BYTES:], samples)


def _size(image: _Image) -> int:
    return len(image.data) + ENTRY_OVERHEAD_BYTES
