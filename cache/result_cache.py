"""Encoded results by key, with a time to live and limits on count and bytes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import Cache, TLRUCache

from cache.kept_file import KeptResult
from cache.keys import CacheKey, Digests
from cache.stored_result import StoredResult

ENTRY_OVERHEAD_BYTES = 600


@dataclass(frozen=True, slots=True)
class CachedResult:
    """An encoded result. sha256: digest of the image. stored_at: time by the cache's clock."""

    sha256: str
    result: StoredResult
    etag: str
    stored_at: float


class ResultCache:
    """The most recently used results, never errors; used from one thread.

    max_bytes counts the encoded results and a flat overhead for each. ttl_seconds, max_count or
    max_bytes of 0 disables the cache.
    """

    def __init__(
        self,
        ttl_seconds: float,
        max_count: int,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ttl_seconds = ttl_seconds
        self.max_count = max_count
        self.max_bytes = max_bytes
        self.changes = 0  # results that were stored or deleted so far; not those that expired
        self._clock = clock
        self._entries: TLRUCache[CacheKey, CachedResult] = TLRUCache(
            maxsize=max_bytes, ttu=self._expiry, timer=clock, getsizeof=_size
        )

    def __len__(self) -> int:
        """The number of results."""
        self._entries.expire()
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """How many of max_bytes are used."""
        self._entries.expire()
        return int(self._entries.currsize)

    @property
    def enabled(self) -> bool:
        """Whether the cache stores anything."""
        return self.ttl_seconds > 0 and self.max_count > 0 and self.max_bytes > 0

    def get(self, key: CacheKey, sha256: str | None = None) -> CachedResult | None:
        """The result for the key, if its image has this SHA-256 (None: any image)."""
        try:
            entry = self._entries[key]  # get() would look it up twice
        except KeyError:
            return None
        return entry if sha256 is None or entry.sha256 == sha256 else None

    def put(self, key: CacheKey, digests: Digests, result: StoredResult) -> CachedResult:
        """Store a result, evicting the least recently used ones if needed."""
        return self._store(key, digests.sha256, result, self._clock())

    def forget(self, owner: str, md5: str | None = None) -> int:
        """Delete the results of an owner, or those of the file with this MD5; returns how many.

        Takes time for each result in the cache, some 100 µs for a thousand.
        """
        self._entries.expire()
        found = [
            key
            for key in self._entries
            if key.owner == owner and (md5 is None or key.md5.partition("/")[0] == md5)
        ]
        for key in found:
            del self._entries[key]
        self.changes += len(found)
        return len(found)

    def keys(self) -> list[CacheKey]:
        """The keys of all results; takes some 50 ns for each."""
        return list(self._entries)

    def kept(self, key: CacheKey) -> KeptResult | None:
        """A result for the file of kept results; None if it is gone. Does not count as use."""
        if key not in self._entries:
            return None
        entry = Cache.__getitem__(self._entries, key)
        return KeptResult(key, entry.sha256, entry.result, self.age(entry))

    def restore(self, kept: KeptResult) -> bool:
        """Store a result of an earlier process with its age; False if it has expired."""
        if kept.age >= self.ttl_seconds:
            return False
        self._store(kept.key, kept.sha256, kept.result, self._clock() - kept.age)
        return True

    def age(self, entry: CachedResult) -> float:
        """Seconds since the result was stored."""
        return max(0.0, self._clock() - entry.stored_at)

    def _store(
        self, key: CacheKey, sha256: str, result: StoredResult, stored_at: float
    ) -> CachedResult:
        entry = CachedResult(sha256, result, _etag(result), stored_at)
        if self.enabled and _size(entry) <= self.max_bytes:
            self._entries.pop(key, None)
            self._entries.expire()
            while len(self._entries) >= self.max_count:
                self._entries.popitem()
            self._entries[key] = entry
            self.changes += 1
        return entry

    def _expiry(self, key: CacheKey, entry: CachedResult, now: float) -> float:
        """When the entry expires, by the cache's clock."""
        return entry.stored_at + self.ttl_seconds


def _etag(result: StoredResult) -> str:
    """A digest of the JSON and all artifacts."""
    hasher = hashlib.sha256(result.json)
    for artifact in result.artifacts.values():
        hasher.update(artifact)
    return hasher.hexdigest()[:32]


def _size(entry: CachedResult) -> int:
    return entry.result.size_bytes + ENTRY_OVERHEAD_BYTES
