"""The flights that a node works on, and their leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from redis.asyncio import Redis

from ocr_cluster.link import Link
from ocr_cluster.message import Message
from ocr_cluster.outcome import Outcome
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.scripts import LEASE_MS, RENEW, SETTLED_MS
from ocr_cluster.work import lease_name, task_name
from ocr_engine.engine import Engine, EngineTask

log = logging.getLogger("server.cluster")

RENEW_SECONDS = 1.0


class Held:
    """A flight that this node works on. packed: its result, once it is stored in the cache."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.task: EngineTask | None = None
        self.work: asyncio.Task[Outcome] | None = None
        self.packed = b""

    def drop(self, engine: Engine) -> None:
        """Stop the work, because nobody waits for it here."""
        if self.task is not None:
            engine.cancel(self.task, stop_running=True)
        if self.work is not None:
            self.work.cancel()


class HeldFlights:
    """Renews the leases each second; drops flights that were cancelled or that others have.

    late: answers and attempts of this node that others have replaced.
    """

    def __init__(self, node: str, engine: Engine, state: Link) -> None:
        self.late = 0
        self._node = node
        self._engine = engine
        self._state = state
        self._flights: list[Held] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._flights)

    def __iter__(self) -> Iterator[Held]:
        """All flights."""
        return iter(tuple(self._flights))

    def add(self, message: Message) -> Held:
        """Add a flight whose lease this node has; the lease is renewed until remove()."""
        held = Held(message)
        self._flights.append(held)
        return held

    def remove(self, held: Held) -> None:
        """The work has ended."""
        self._flights.remove(held)

    def cancel(self, flight: str) -> None:
        """Nobody waits for this flight any more."""
        for held in self:
            if held.message.flight == flight:
                held.drop(self._engine)

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._renew()
            except RedisAway:
                continue  # owners take no lease for dead while they cannot look

    async def _renew(self) -> None:
        flights = tuple(self._flights)
        if not flights:
            return

        async def renew_all(redis: Redis) -> list[bytes]:
            async with redis.pipeline(transaction=False) as pipeline:
                for held in flights:
                    flight = held.message.flight
                    keys = task_name(flight), lease_name(flight)
                    given = held.message.attempt, self._node, LEASE_MS, SETTLED_MS
                    pipeline.eval(RENEW, len(keys), *keys, *given)
                found: list[bytes] = await pipeline.execute()
                return found

        for held, state in zip(flights, await self._state.command(renew_all), strict=True):
            if state == b"stale":
                self.late += 1
                log.info("flight %s is dropped: another node has it", held.message.flight)
            if state in (b"stale", b"cancelled"):
                held.drop(self._engine)
