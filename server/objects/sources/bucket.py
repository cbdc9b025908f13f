"""The objects of a bucket, below some prefixes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from server.objects.bucket import Bucket
from server.objects.found import Found
from server.objects.sources.source import OpenedObject


class BucketSource:
    """See Source. prefixes: where objects are looked for. suffixes: of their names; empty: all."""

    def __init__(
        self, bucket: Bucket, prefixes: Sequence[str], suffixes: tuple[str, ...] = ()
    ) -> None:
        self._bucket = bucket
        self._prefixes = prefixes
        self._suffixes = suffixes

    @property
    def name(self) -> str:
        """See Source."""
        return self._bucket.name

    def has(self, key: str) -> bool:
        """Whether an object with this key is to be read."""
        below = any(key.startswith(prefix) for prefix in self._prefixes)
        return below and (not self._suffixes or key.lower().endswith(self._suffixes))

    async def found(self) -> AsyncIterator[Sequence[Found]]:
        """See Source; an object below two prefixes comes twice."""
        for prefix in self._prefixes:
            async for chunk in self._bucket.listed(prefix):
                yield [each for each in chunk if self.has(each.key) and each.size]

    async def open(self, key: str) -> OpenedObject:
        """See Source."""
        return await self._bucket.open(key)
