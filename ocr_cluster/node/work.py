"""The node's work apart from its pool: consuming, leases, heartbeats, and its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import replace
from typing import Any

from ocr_cluster import catalogue
from ocr_cluster.catalogue import CATALOGUE_SECONDS
from ocr_cluster.link import Link, listen
from ocr_cluster.members import BEAT_SECONDS, NodeBeat, leave, tell
from ocr_cluster.node.consuming import Consuming
from ocr_cluster.node.reader import Encode, NodeReader, Traced
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.results import SharedResults
from ocr_cluster.wire import Wire
from ocr_cluster.work import CANCEL_CHANNEL, catalogue_name
from ocr_engine.engine import Engine, WorkerState

log = logging.getLogger("server.cluster")

_WARM = (WorkerState.READY, WorkerState.BUSY)
_WAIT_SECONDS = 0.02


class NodeWork:
    """Takes work from the broker for the engine of this process; see BackgroundWork.

    member: the heartbeat of this node, without its figures.
    """

    def __init__(
        self,
        member: NodeBeat,
        engine: Engine,
        state: Link,
        cache: Link,
        results: SharedResults,
        broker_url: str,
        encode: Encode,
        traced: Traced | None = None,
    ) -> None:
        self.member = member
        self._engine = engine
        self._state = state
        self._cache = cache
        self._wire = Wire(broker_url)
        self.reader = NodeReader(member.id, engine, state, results, encode, self._bury, traced)
        self._consuming = Consuming(broker_url, engine.capacity, member.id, self._read)
        self._draining = False
        self._described = "", 0.0  # which models, and until when
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def links(self) -> tuple[Link, Link]:
        """The connections to the Redis servers for state and cache."""
        return self._state, self._cache

    @property
    def is_connected(self) -> bool:
        """Whether it is connected to the broker."""
        return self._consuming.is_connected

    async def run(self) -> None:
        """Work until cancelled; messages are taken once a worker is warm."""
        self._loop = asyncio.get_running_loop()
        loops = [
            asyncio.ensure_future(each)
            for each in (
                *(link.run() for link in dict.fromkeys(self.links)),
                self._beat(),
                self._listen(),
                self.reader.held.run(),
            )
        ]
        try:
            while not self._engine.ready():
                await asyncio.sleep(_WAIT_SECONDS)
            self._consuming.start()
            await asyncio.gather(*loops)
        finally:
            await self._stop(loops)

    async def drain(self, grace_seconds: float) -> None:
        """Take no more messages, and wait until the others are done, for so many seconds."""
        self._draining = True
        self._consuming.take_no_more()
        deadline = asyncio.get_running_loop().time() + grace_seconds
        while len(self.reader.held) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_WAIT_SECONDS)

    async def _stop(self, loops: list[asyncio.Task[None]]) -> None:
        with contextlib.suppress(RedisAway):
            await leave(self._state, self.member)
        await asyncio.to_thread(self._consuming.stop)
        await asyncio.to_thread(self._wire.close)
        for each in loops:
            each.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    def _read(self, payload: Any, redelivered: bool) -> None:
        """Called in a thread of Celery; returns when the work on the message has ended."""
        assert self._loop is not None
        done = asyncio.run_coroutine_threadsafe(self.reader.read(payload, redelivered), self._loop)
        done.result()

    def _bury(self, payload: Any) -> None:
        self._wire.bury(json.dumps(payload).encode())

    async def _beat(self) -> None:
        """Send a heartbeat each second."""
        while True:
            try:
                await self._describe()
                await tell(self._state, self._figures())
            except RedisAway:
                pass
            await asyncio.sleep(BEAT_SECONDS)

    def _figures(self) -> NodeBeat:
        stats, models = self._engine.stats(), self._engine.models
        warm = sum(worker.state in _WARM for worker in stats.workers)
        return replace(
            self.member,
            slots=0 if self._draining or not self._engine.ready() else warm,
            busy=len(self.reader.held),
            models={each.name: each.fingerprint for each in models.every()},
            catalogue=catalogue.digest(models),
            mean_seconds=round(self.reader.mean_seconds, 4),
            completed=self.reader.completed,
            late=self.reader.held.late,
        )

    async def _describe(self) -> None:
        """Store the description of the models, again before it expires."""
        info, models = self._engine.info, self._engine.models
        digest, now = catalogue.digest(models), asyncio.get_running_loop().time()
        described, until = self._described
        if info is None or (digest == described and now < until):
            return
        name, data = catalogue_name(digest), catalogue.encode(info, models)
        await self._state.command(lambda redis: redis.set(name, data, ex=CATALOGUE_SECONDS))
        self._described = digest, now + CATALOGUE_SECONDS / 4

    async def _listen(self) -> None:
        """Hear which flights are cancelled; renewing a lease tells, too, a second later."""
        cancel = self.reader.held.cancel
        await listen(self._state, CANCEL_CHANNEL, lambda flight: cancel(flight.decode()))
