"""What a node does with a message: gets the image, has it read, and stores the result."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

from cache.stored_result import StoredResult
from ocr_cluster import message as messages
from ocr_cluster import outcome as outcomes
from ocr_cluster.ending import finish, refuse_image
from ocr_cluster.link import Link
from ocr_cluster.members import LOST_NODES, NODE_PREFIX
from ocr_cluster.message import Message, MessageError
from ocr_cluster.node.held import Held, HeldFlights
from ocr_cluster.outcome import Outcome, Place
from ocr_cluster.packing import PackedResult, pack
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.results import SharedResults
from ocr_cluster.scripts import BEGIN, BETWEEN_MS, LEASE_MS, MAX_DEATHS, OUTCOME_MS
from ocr_cluster.work import blob_name, carried_name, lease_name, task_name
from ocr_engine.engine import Engine, Turn
from ocr_engine.errors import EngineError, ImageKillsWorkers, PoisonImage, RecognitionFailed
from ocr_engine.result import Recognition
from ocr_engine.tracing import CURRENT, Interval, Trace, continued, note

log = logging.getLogger("server.cluster")

MAX_SAMPLES = 50  # recognitions whose mean a heartbeat has
PATIENCE_SECONDS = 5.0  # for a Redis server that is away when an attempt begins

Encode = Callable[[Recognition, float], Awaitable[StoredResult]]
"""Encodes a recognition; the second argument is shown_score of its options."""

Traced = Callable[[Trace, Interval], None]
"""Sends the trace of a message on which the work has ended."""


class NodeReader:
    """Works on messages, on the event loop of the node's pool.

    node: its id. bury: puts a message that this node does not understand aside; blocks.
    traced: None: nothing is traced. clock: Unix seconds.
    """

    def __init__(
        self,
        node: str,
        engine: Engine,
        state: Link,
        results: SharedResults,
        encode: Encode,
        bury: Callable[[Any], None],
        traced: Traced | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.completed = 0
        self.held = HeldFlights(node, engine, state)
        self._node = node
        self._engine = engine
        self._state = state
        self._results = results
        self._encode = encode
        self._bury = bury
        self._traced = traced
        self._clock = clock
        self._seconds: deque[float] = deque(maxlen=MAX_SAMPLES)

    @property
    def mean_seconds(self) -> float:
        """How long a recognition takes, 0 if unknown."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else 0.0

    async def read(self, payload: Any, redelivered: bool) -> None:
        """Work on a message until its end; then the broker may forget it."""
        try:
            message = messages.from_json(payload)
        except MessageError as error:
            log.warning("a message is put aside, because it is not understood: %s", error)
            await asyncio.to_thread(self._bury, payload)
            return
        if self._clock() >= message.deadline_at:
            return  # its owner has given up by then
        trace = None if self._traced is None else continued(message.traceparent)
        if self._traced is None or trace is None:
            await self._read(message, redelivered)
            return
        began = time.monotonic()
        CURRENT.set(trace)  # of this task, which has only this message
        await self._read(message, redelivered)
        self._traced(trace, Interval("node", began, time.monotonic()))

    async def _read(self, message: Message, redelivered: bool) -> None:
        try:
            may_begin = await self._begin(message)
            if may_begin:
                await self._work(message, redelivered)
        except RedisAway:
            log.warning("flight %s is left to its owner: the state server is away", message.flight)
        except Exception:
            log.exception("flight %s failed", message.flight)
            await self._finish(message, self._failed(message, RecognitionFailed("internal error")))

    async def _begin(self, message: Message) -> bool:
        """Take the lease; False if the attempt is no longer wanted."""
        keys = task_name(message.flight), lease_name(message.flight), LOST_NODES
        deaths = 0 if message.read_before else MAX_DEATHS
        given = message.attempt, self._node, LEASE_MS, NODE_PREFIX, BETWEEN_MS, deaths
        found: bytes = await self._state.command(
            lambda redis: redis.eval(BEGIN, len(keys), *keys, *given), PATIENCE_SECONDS
        )
        if found == b"poison":
            await refuse_image(self._state, message.work, PATIENCE_SECONDS)
            error = PoisonImage(f"{MAX_DEATHS} nodes were lost when they had begun this image")
            await self._finish(message, self._failed(message, error))
        if found == b"later":
            log.warning("flight %s is left to its owner: nodes were lost with it", message.flight)
        return found == b"begun"

    async def _work(self, message: Message, redelivered: bool) -> None:
        held = self.held.add(message)
        try:
            held.work = asyncio.ensure_future(self._outcome(message, held, redelivered))
            await asyncio.wait([held.work], timeout=max(0.0, message.deadline_at - self._clock()))
            if not held.work.done():
                held.drop(self._engine)
                await asyncio.wait([held.work])
            if not held.work.cancelled():
                await self._finish(message, held.work.result(), held.packed)
        finally:
            self.held.remove(held)

    async def _outcome(self, message: Message, held: Held, redelivered: bool) -> Outcome:
        """Read the image, or find what another attempt has read."""
        work = message.work
        if (message.attempt > 1 or redelivered) and not message.fresh:
            try:
                fingerprint = self._engine.models.find(message.options.models).fingerprint
            except EngineError as error:
                return self._failed(message, error)
            found = await self._results.find(work, fingerprint)
            if found is not None:
                place = await self._carry(message, pack(found)) if message.carry else "cache"
                return Outcome(message.flight, message.attempt, "done", fingerprint, place)
        began = time.monotonic()
        image = cast(
            bytes | None,
            await self._state.command(
                lambda redis: redis.get(blob_name(message.flight)), PATIENCE_SECONDS
            ),
        )
        note("blob", began)
        if image is None:
            return outcomes.again(message.flight, message.attempt, "the image is gone")
        try:
            held.task = task = self._engine.submit(
                image,
                message.options,
                read_before=message.read_before,
                turn=Turn(message.user),
            )
            recognition = await task.future
        except EngineError as error:
            if isinstance(error, ImageKillsWorkers):
                await refuse_image(self._state, work, PATIENCE_SECONDS)
            return self._failed(message, error)
        assert isinstance(recognition, Recognition)
        return await self._stored(held, recognition, task.fingerprint)

    async def _stored(self, held: Held, recognition: Recognition, fingerprint: str) -> Outcome:
        """Store the result where front ends find it."""
        message = held.message
        stages = recognition.stages
        seconds = sum(value for stage, value in stages.items() if stage != "queue")
        self._seconds.append(seconds)
        self.completed += 1
        began = time.monotonic()
        result = await self._encode(recognition, message.options.shown_score)
        packed = pack(PackedResult(result, self._clock(), stages))
        place: Place = "cache"
        if not await self._results.put(message.work, fingerprint, packed) or message.carry:
            place = await self._carry(message, packed)
        else:
            held.packed = packed
        note("store", began)
        return Outcome(
            message.flight,
            message.attempt,
            "done",
            fingerprint,
            place,
            round(seconds, 4),
            stages={stage: round(value, 5) for stage, value in stages.items()},
        )

    async def _carry(self, message: Message, packed: bytes) -> Place:
        """Put a result where only the owner of the flight looks for it."""
        name = carried_name(message.flight)
        left = max(1.0, message.deadline_at - self._clock())
        await self._state.command(lambda redis: redis.set(name, packed, px=OUTCOME_MS), left)
        return "state"

    async def _finish(self, message: Message, outcome: Outcome, packed: bytes = b"") -> None:
        """Report how the attempt ended; ignored if the image is being read in a later attempt."""
        left = max(1.0, message.deadline_at - self._clock())
        if not await finish(self._state, self._node, message, outcome, left, packed):
            self.held.late += 1
            log.info("flight %s: a late answer is ignored", message.flight)

    def _failed(self, message: Message, error: EngineError) -> Outcome:
        return outcomes.failed(message.flight, message.attempt, error)
