"""Pictures seen a moment ago, known again by their bytes: to compare costs a tenth of hashing."""

from __future__ import annotations

from typing import NamedTuple

from cachetools import LRUCache

from cache.keys import Digests

SAMPLES = 256
EDGE_BYTES = 512
ENTRY_OVERHEAD_BYTES = 2000


class _Sketch(NamedTuple):
    """What a picture is looked up by: its length, its edges, and bytes from all over it.

    Metadata that differ are at an edge; forms that differ in what is written do so in a few places.
    """

    length: int
    start: bytes
    end: bytes
    samples: bytes


class _Picture(NamedTuple):
    data: bytes
    digests: Digests


class RecentPictures:
    """The most recently used pictures with their digests; used from one thread.

    Every byte is compared before two pictures count as one: unlike a hash, that cannot be fooled.
    Of pictures with one sketch the last is kept. max_bytes counts the pictures and a flat overhead
    for each; 0 turns it off.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._pictures: LRUCache[_Sketch, _Picture] = LRUCache(max_bytes, getsizeof=_size)

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._pictures)

    @property
    def size_bytes(self) -> int:
        """How much of max_bytes is used."""
        return int(self._pictures.currsize)

    def digests(self, data: bytes) -> Digests | None:
        """The digests of these very bytes, if they are known."""
        known = self._pictures.get(_sketch(data))
        return known.digests if known is not None and known.data == data else None

    def remember(self, data: bytes, digests: Digests) -> None:
        """Keep a picture, making room by dropping those not used for longest."""
        picture = _Picture(data, digests)
        if _size(picture) <= self.max_bytes:
            self._pictures[_sketch(data)] = picture


def _sketch(data: bytes) -> _Sketch:
    samples = data[:: len(data) // SAMPLES or 1]
    return _Sketch(len(data), data[:EDGE_BYTES], data[-EDGE_BYTES:], samples)


def _size(picture: _Picture) -> int:
    return len(picture.data) + ENTRY_OVERHEAD_BYTES
