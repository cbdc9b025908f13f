"""The commands of front ends and nodes to one Redis server, which may be away at any time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from ocr_cluster.redis_link import RedisAway, RedisLink

MOST_CONNECTIONS = 64
COMMAND_SECONDS = 1.5  # images have to pass in this time
LISTEN_SECONDS = 1.0
RETRY_SECONDS = 0.25

T = TypeVar("T")


class Link(RedisLink):
    """See RedisLink; it has more patience, because an event loop is busy while workers start."""

    answer_seconds = COMMAND_SECONDS

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url, name, MOST_CONNECTIONS)
        self._away_since: float | None = None

    @property
    def away_seconds(self) -> float:
        """For how long the server has been away, as far as somebody has asked."""
        if not self.away:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    async def command(self, question: Callable[[Redis], Awaitable[T]], patience: float = 0.0) -> T:
        """As ask(); patience: how many seconds a server that is away is waited for."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while True:
            try:
                return await self.ask(question, COMMAND_SECONDS)
            except RedisAway:
                if loop.time() >= deadline:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def get(self, name: str, field: str | None = None) -> bytes | None:
        """A value, or a field of a hash; RedisAway."""
        if field is None:
            return cast(bytes | None, await self.command(lambda redis: redis.get(name)))
        return cast(bytes | None, await self.command(lambda redis: redis.hget(name, field)))

    async def fields(self, name: str) -> list[bytes]:
        """The names of the fields of a hash; RedisAway."""
        return cast(list[bytes], await self.command(lambda redis: redis.hkeys(name)))

    async def get_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Several values; RedisAway."""
        return cast(list[bytes | None], await self.command(lambda redis: redis.mget(names)))

    async def evaluate(
        self,
        script: str,
        keys: Sequence[str],
        *arguments: str | float | bytes,
        patience: float = 0.0,
    ) -> Any:
        """What a script returns; RedisAway. patience: as in command()."""

        def question(redis: Redis) -> Awaitable[Any]:
            return redis.eval(script, len(keys), *keys, *arguments)

        return await self.command(question, patience)


@contextlib.asynccontextmanager
async def subscription(link: RedisLink, *channels: str) -> AsyncIterator[PubSub]:
    """A subscription to these channels; TimeoutError if the server does not answer."""
    async with link.client.pubsub(ignore_subscribe_messages=True) as pubsub:
        async with asyncio.timeout(COMMAND_SECONDS):
            await pubsub.subscribe(*channels)
        yield pubsub


async def next_message(pubsub: PubSub) -> Mapping[str, bytes] | None:
    """The next message, None if there is none for a while.

    TimeoutError if the server is to be connected again, and does not answer.
    """
    async with asyncio.timeout(LISTEN_SECONDS + COMMAND_SECONDS):
        found = await pubsub.get_message(timeout=LISTEN_SECONDS)
        return cast(Mapping[str, bytes] | None, found)


async def listen(link: RedisLink, channel: str, hear: Callable[[bytes], object]) -> None:
    """Call hear() with each message on a channel, until cancelled; messages may be lost."""
    while True:
        try:
            async with subscription(link, channel) as pubsub:
                while True:
                    if (message := await next_message(pubsub)) is not None:
                        hear(message["data"])
        except (RedisError, OSError, TimeoutError):
            await asyncio.sleep(RETRY_SECONDS)
