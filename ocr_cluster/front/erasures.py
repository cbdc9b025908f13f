"""Erases results everywhere: in Redis, and in the memory of all front ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from redis.asyncio import Redis

from ocr_cluster.link import Link
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.results import SharedResults
from ocr_cluster.work import PREFIX

log = logging.getLogger("server.cluster")

STREAM = PREFIX + "erased"
LOOK_SECONDS = 1.0
MOST_KEPT = 10_000
_FIRST = b"0-0"

_Entry = tuple[bytes, dict[bytes, bytes]]

Forget = Callable[[str, str | None], object]
"""Drops the results of an owner (see CacheKey), or of one image of an owner."""


class Erasures:
    """The stream of what was erased, which all front ends read each second."""

    def __init__(self, state: Link, results: SharedResults) -> None:
        self._state = state
        self._results = results
        self._forget: list[Forget] = []
        self._later: set[str] = set()
        self._last: bytes | None = None  # the id of the last entry that was read

    def when_erased(self, forget: Forget) -> None:
        """Call this with what was erased, so that this process forgets it, too."""
        self._forget.append(forget)

    async def erase(self, owner: str, md5: str | None) -> bool:
        """Erase the results of an owner, or of one image; False if Redis had none. RedisAway.

        First in Redis: a front end that has heard of it must not find the results there again.
        """
        found = await self._results.erase(owner, md5)
        entry: dict[str, str] = {"owner": owner, "md5": md5 or ""}
        await self._state.command(
            lambda redis: redis.xadd(STREAM, entry, maxlen=MOST_KEPT, approximate=True)  # type: ignore[arg-type]
        )
        return found

    def erase_later(self, owner: str) -> None:
        """Erase all results of an owner within a second, or when Redis is there again."""
        self._later.add(owner)

    async def run(self) -> None:
        """Read the stream until cancelled."""
        while True:
            try:
                await self._erase_now()
                await self._read()
            except RedisAway:
                pass
            await asyncio.sleep(LOOK_SECONDS)

    async def _erase_now(self) -> None:
        for owner in tuple(self._later):
            await self.erase(owner, None)
            self._later.discard(owner)

    async def _read(self) -> None:
        if self._last is None:
            newest = await self._entries(lambda redis: redis.xrevrange(STREAM, count=1))
            self._last = newest[0][0] if newest else _FIRST
        later = b"(" + self._last
        for entry, values in await self._entries(
            lambda redis: redis.xrange(STREAM, min=later, count=MOST_KEPT)
        ):
            self._last = entry
            md5 = values[b"md5"].decode()
            for forget in self._forget:
                forget(values[b"owner"].decode(), md5 or None)

    async def _entries(self, question: Callable[[Redis], Awaitable[object]]) -> list[_Entry]:
        return cast(list[_Entry], await self._state.command(question))
