"""One Redis server as a process uses it: a bounded pool of connections, and whether it is there.

Redis keeps what may be lost. While it is away, whatever asks it fails immediately, so that no
request waits for it, and one attempt after the other finds out when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECTIONS = 32
ANSWER_SECONDS = 0.5  # for one question, and the time for which nothing is known of a frozen server
CHECK_SECONDS = 0.5

log = logging.getLogger("server.redis")

T = TypeVar("T")

LinkState = Literal["closed", "open", "unavailable"]


class RedisAway(Exception):
    """Redis cannot be reached, or does not answer in time."""


class RedisLink:
    """The connections of this process to one Redis server.

    name: of the setting that names it, for the log. connections: how many at most; whoever needs
    one more waits for one of them.
    """

    answer_seconds = ANSWER_SECONDS  # for the question whether it is there

    def __init__(self, url: str, name: str, connections: int = CONNECTIONS) -> None:
        self.name = name
        self.problem = ""  # why it is away; empty while it is not
        self._url = url
        self._most = connections
        self._client: Redis | None = None
        self._answered_at = float("-inf")  # by the clock of the event loop

    @property
    def away(self) -> bool:
        """Whether the last question was not answered."""
        return bool(self.problem)

    @property
    def state(self) -> LinkState:
        """`closed`: not asked so far."""
        if self.away:
            return "unavailable"
        return "closed" if self._client is None else "open"

    @property
    def client(self) -> Redis:
        """The client, with bytes for answers. Nothing is sent before the first question."""
        if self._client is None:
            self._client = _client(self._url, self._most)
        return self._client

    async def ask(
        self, question: Callable[[Redis], Awaitable[T]], seconds: float = ANSWER_SECONDS
    ) -> T:
        """The answer of Redis; RedisAway if there is none, and immediately while Redis is away.

        question: sends one command, script or pipeline.
        """
        if self.away:
            raise RedisAway(self.problem)
        return await self._ask(question, seconds)

    async def run(self) -> None:
        """Notice when Redis is away, and when it is back, until cancelled; then disconnect.

        Nothing is asked while Redis answers others.
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                unknown = loop.time() - self._answered_at
                if unknown < CHECK_SECONDS and not self.away:
                    await asyncio.sleep(CHECK_SECONDS - unknown)
                    continue
                with contextlib.suppress(RedisAway):
                    await self._ask(lambda client: client.ping(), self.answer_seconds)
                if self.away:
                    await asyncio.sleep(CHECK_SECONDS)
        finally:
            await self.close()

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose(close_connection_pool=True)

    async def _ask(self, question: Callable[[Redis], Awaitable[T]], seconds: float) -> T:
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(seconds):
                answer = await question(self.client)
        except TimeoutError:
            raise self._lost(f"no answer within {seconds:g} s") from None
        except (OSError, RedisError) as error:
            raise self._lost(str(error) or type(error).__name__) from error
        self._found()
        return answer

    def _lost(self, problem: str) -> RedisAway:
        if not self.away:
            log.warning("the Redis of %s is away: %s", self.name, problem)
        self.problem = problem
        return RedisAway(problem)

    def _found(self) -> None:
        if self.away:
            log.warning("the Redis of %s is back", self.name)
        self.problem = ""
        self._answered_at = asyncio.get_running_loop().time()


def _client(url: str, connections: int) -> Redis:
    """A client that waits for a free connection, and tries once more if an old one is broken."""
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=None,  # ask() has a limit for all of it,
        socket_timeout=None,  # and the client would start a task for each command that it sends
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)
