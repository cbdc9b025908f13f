"""What a front end hears from Redis; whoever waits looks again, because messages may be lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from ocr_cluster.link import RETRY_SECONDS, Link, next_message, subscription

_ERRORS = (RedisError, OSError, TimeoutError)


class Notices:
    """One subscription for all channels. own: the channel of this front end, for hear()."""

    def __init__(self, link: Link, own: str, hear: Callable[[bytes], None]) -> None:
        self._link = link
        self._own = own
        self._hear = hear
        self._pubsub: PubSub | None = None
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with subscription(self._link, self._own, *self._waiting) as pubsub:
                    self._pubsub = pubsub
                    while True:
                        if (message := await next_message(pubsub)) is not None:
                            self._on_message(message["channel"].decode(), message["data"])
            except _ERRORS:
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._pubsub = None

    @contextlib.asynccontextmanager
    async def channel(self, name: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set by each message on a channel."""
        event = asyncio.Event()
        self._waiting[name].add(event)
        try:
            if self._pubsub is not None:
                with contextlib.suppress(*_ERRORS):
                    await self._pubsub.subscribe(name)
            yield event
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]
                if self._pubsub is not None:
                    with contextlib.suppress(*_ERRORS):
                        await self._pubsub.unsubscribe(name)

    def _on_message(self, channel: str, data: bytes) -> None:
        if channel == self._own:
            self._hear(data)
        for event in self._waiting.get(channel, ()):
            event.set()
