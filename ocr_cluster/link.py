"""A connection to one Redis server, which may be away at any time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger("server.cluster")

TIMEOUT_SECONDS = 1.5
MAX_CONNECTIONS = 64
LISTEN_SECONDS = 1.0
PING_SECONDS = 0.5  # between two attempts to reach a server that is away

T = TypeVar("T")


class Away(Exception):
    """The Redis server does not answer, or refuses commands."""


class Link:
    """Runs commands on one Redis server; used on one event loop.

    While the server is away, commands fail immediately; watch() finds out when it is back.
    name: for the log.
    """

    def __init__(self, url: str, name: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.name = name
        self._away_since: float | None = None  # monotonic seconds
        self._url = url
        self._timeout = timeout_seconds
        self._redis: Redis | None = None

    @property
    def is_away(self) -> bool:
        """Whether the server did not answer when it was last used."""
        return self._away_since is not None

    @property
    def away_seconds(self) -> float:
        """For how long the server has been away."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    @property
    def redis(self) -> Redis:
        """The client, made on first use."""
        if self._redis is None:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=MAX_CONNECTIONS,
                timeout=self._timeout,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                retry=Retry(NoBackoff(), 1),  # once, for a connection that was closed meanwhile
            )
            self._redis = Redis(connection_pool=pool)
        return self._redis

    async def run(self, commands: Callable[[Redis], Awaitable[T]]) -> T:
        """What the commands return; Away."""
        if self.is_away:
            raise Away(self.name)
        return await self._try(commands)

    async def get(self, name: str, field: str | None = None) -> bytes | None:
        """A value, or a field of a hash; Away."""
        if field is None:
            return cast(bytes | None, await self.run(lambda redis: redis.get(name)))
        return cast(bytes | None, await self.run(lambda redis: redis.hget(name, field)))

    async def get_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Several values; Away."""
        return cast(list[bytes | None], await self.run(lambda redis: redis.mget(names)))

    async def evaluate(
        self, script: str, keys: Sequence[str], *arguments: str | float | bytes
    ) -> Any:
        """What a script returns; Away."""
        return await self.run(lambda redis: redis.eval(script, len(keys), *keys, *arguments))

    async def run_patiently(self, commands: Callable[[Redis], Awaitable[T]], seconds: float) -> T:
        """As run(), but waits for a server that is away for up to so many seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            try:
                return await self.run(commands)
            except Away:
                if loop.time() >= deadline:
                    raise
                await asyncio.sleep(PING_SECONDS / 2)

    async def watch(self) -> None:
        """Look for the server while it is away, until cancelled."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            if self.is_away:
                with contextlib.suppress(Away):
                    await self._try(lambda redis: redis.ping())

    async def close(self) -> None:
        """Close all connections."""
        if self._redis is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._redis.aclose()
                await self._redis.connection_pool.disconnect()

    async def _try(self, commands: Callable[[Redis], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(2 * self._timeout):
                result = await commands(self.redis)
        except (RedisError, OSError, TimeoutError) as error:
            if not self.is_away:
                log.warning("the %s server (Redis) is away: %s", self.name, _reason(error))
                self._away_since = time.monotonic()
            raise Away(self.name) from error
        if self.is_away:
            log.info("the %s server (Redis) is back", self.name)
            self._away_since = None
        return result


def _reason(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


async def listen(link: Link, channel: str, hear: Callable[[bytes], object]) -> None:
    """Call hear() with each message on a channel, until cancelled; messages may be lost."""
    while True:
        try:
            async with link.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(channel)
                while True:
                    message = await pubsub.get_message(timeout=LISTEN_SECONDS)
                    if message is not None:
                        hear(message["data"])
        except (RedisError, OSError, TimeoutError):
            await asyncio.sleep(PING_SECONDS)
