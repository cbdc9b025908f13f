"""Results that all servers of a cluster share, in the Redis server for the cache.

The results of all images with one MD5 are a hash with the time to live of its last result.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from redis.asyncio import Redis

from ocr_cluster.link import Link
from ocr_cluster.packing import PackedResult, PackingError, unpack
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.work import Work, digest_of, results_name

SPREAD = 0.1  # of the time to live, so that results do not all expire together
SCAN_COUNT = 500


class SharedResults:
    """Finds, stores and erases results; an absent server finds nothing.

    ttl_seconds: 0: nothing is stored. clock: Unix seconds. hits: results found so far.
    """

    def __init__(
        self, link: Link, ttl_seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.ttl_seconds = ttl_seconds
        self.hits = 0
        self._link = link
        self._clock = clock

    async def find(self, work: Work, fingerprint: str) -> PackedResult | None:
        """The result that models with this fingerprint have read; None if there is none."""
        if not self.ttl_seconds:
            return None
        try:
            data = await self._link.get(work.results, work.field(fingerprint))
        except RedisAway:
            return None
        return None if data is None else self.valid(data)

    def valid(self, data: bytes) -> PackedResult | None:
        """A packed result that was found; None if it is too old, or not understood."""
        found = _unpacked(data)
        if found is None or self._clock() - found.stored_at >= self.ttl_seconds:
            return None
        self.hits += 1
        return found

    async def fetch(self, work: Work, fingerprint: str) -> PackedResult | None:
        """As find(), but of any age, and not counted; RedisAway."""
        data = await self._link.get(work.results, work.field(fingerprint))
        return None if data is None else _unpacked(data)

    async def find_by_md5(
        self, scope: str, md5: str, options: str, fingerprint: str
    ) -> tuple[str, PackedResult] | None:
        """A result of any image with this MD5, and the SHA-256 of that image.

        scope, options: as in Work.
        """
        name = results_name(scope, md5)
        try:
            fields = await self._link.fields(name)
        except RedisAway:
            return None
        for field in fields:
            sha256 = field.decode().rpartition(":")[2]
            work = Work(scope, md5, sha256, options)
            if field.decode() == work.field(fingerprint):
                found = await self.find(work, fingerprint)
                return None if found is None else (sha256, found)
        return None

    async def put(self, work: Work, fingerprint: str, packed: bytes) -> bool:
        """Store a packed result; False if it is not stored."""
        if not self.ttl_seconds:
            return False
        seconds = max(1, round(self.ttl_seconds * random.uniform(1, 1 + SPREAD)))
        field = work.field(fingerprint)

        async def store(redis: Redis) -> None:
            async with redis.pipeline(transaction=False) as pipeline:
                pipeline.hset(work.results, field, packed)
                pipeline.expire(work.results, seconds)
                await pipeline.execute()

        try:
            await self._link.command(store)
        except RedisAway:
            return False
        return True

    async def erase(self, owner: str, md5: str | None = None) -> bool:
        """Delete the results of an owner, or of one image of an owner; RedisAway.

        False if there was none. Takes time for each key on the server if no MD5 is given.
        """
        scope = digest_of(owner)
        if md5 is not None:
            name = results_name(scope, md5)
            return bool(await self._link.command(lambda redis: redis.unlink(name)))

        async def erase_all(redis: Redis) -> int:
            found = 0
            async for name in redis.scan_iter(results_name(scope, "*"), count=SCAN_COUNT):
                found += await redis.unlink(name)
            return found

        return bool(await self._link.command(erase_all))


def _unpacked(data: bytes) -> PackedResult | None:
    try:
        return unpack(data)
    except PackingError:
        return None
