"""Images seen a moment ago, known again by their bytes: to compare costs a tenth of hashing."""

from __future__ import annotations

from typing import NamedTuple

from cachetools import LRUCache

from cache.keys import Digests

SAMPLES = 256
EDGE_BYTES = 512
ENTRY_OVERHEAD_BYTES = 2000


class _Sketch(NamedTuple):
    """What an image is looked up by: its length, its edges, and bytes from all over it.

    Metadata that differ are at an edge; forms that differ in what is written do so in a few places.
    """

    length: int
    start: bytes
    end: bytes
    samples: bytes


class _Image(NamedTuple):
    data: bytes
    digests: Digests


class RecentImages:
    """The most recently used images with their digests; used from one thread.

    Every byte is compared before two images count as one: unlike a hash, that cannot be fooled.
    Of images with one sketch the last is kept. max_bytes counts the images and a flat overhead
    for each; 0 turns it off.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._images: LRUCache[_Sketch, _Image] = LRUCache(max_bytes, getsizeof=_size)

    def __len__(self) -> int:
        """How many images are kept."""
        return len(self._images)

    @property
    def size_bytes(self) -> int:
        """How much of max_bytes is used."""
        return int(self._images.currsize)

    def digests(self, data: bytes) -> Digests | None:
        """The digests of these very bytes, if they are known."""
        known = self._images.get(_sketch(data))
        return known.digests if known is not None and known.data == data else None

    def remember(self, data: bytes, digests: Digests) -> None:
        """Keep an image, making room by dropping those not used for longest."""
        image = _Image(data, digests)
        if _size(image) <= self.max_bytes:
            self._images[_sketch(data)] = image


def _sketch(data: bytes) -> _Sketch:
    samples = data[:: len(data) // SAMPLES or 1]
    return _Sketch(len(data), data[:EDGE_BYTES], data[-EDGE_BYTES:], samples)


def _size(image: _Image) -> int:
    return len(image.data) + ENTRY_OVERHEAD_BYTES
