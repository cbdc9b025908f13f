"""The images of a front end that are at nodes or in the broker; it owns them until their end."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import cast

from ocr_cluster import outcome as outcomes
from ocr_cluster.front.publisher import Publisher
from ocr_cluster.front.task import FrontTask
from ocr_cluster.link import Link
from ocr_cluster.outcome import Outcome
from ocr_cluster.packing import PackedResult, PackingError, unpack
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.results import SharedResults
from ocr_cluster.scripts import CANCEL, LEASE_MS, SEND
from ocr_cluster.wire import WireError
from ocr_cluster.work import (
    CANCEL_CHANNEL,
    blob_name,
    carried_name,
    lease_name,
    outcome_name,
    task_name,
)
from ocr_engine.engine import TaskState
from ocr_engine.errors import BrokerUnavailable, EngineError, WorkerCrashed
from ocr_engine.result import EncodedRecognition

log = logging.getLogger("server.cluster")

MAX_ATTEMPTS = 20
MAX_ENDED = 1000  # flights that are remembered, to recognize late answers
UNBEGUN_SECONDS = 3.0  # without a node that begins, before a message counts as lost
MAX_UNBEGUN_SECONDS = 30.0
RETRY_SECONDS = 0.2
AFTERWARDS_SECONDS = 5.0  # past its deadline, before a node that reads is not waited for

Ended = Callable[[FrontTask, EncodedRecognition | EngineError, float], None]
"""Called at the end of a task, with the seconds that a worker was busy, 0 if unknown."""


class Dispatch:
    """Sends tasks, hears how they end, and sends them again if a node or a message was lost.

    give_up_seconds: how long a Redis server or a broker that is away is waited for. ended: see
    Ended. mean_seconds: how long a recognition takes. republished: attempts after the first.
    late: answers that came when the flight was at another attempt.
    """

    def __init__(
        self,
        state: Link,
        results: SharedResults,
        publisher: Publisher,
        give_up_seconds: float,
        ended: Ended,
        mean_seconds: Callable[[], float],
    ) -> None:
        self.republished = 0
        self.late = 0
        self._state = state
        self._results = results
        self._publisher = publisher
        self._give_up_seconds = give_up_seconds
        self._ended = ended
        self._mean_seconds = mean_seconds
        self._tasks: dict[str, FrontTask] = {}
        self._past: OrderedDict[str, int] = OrderedDict()
        self._trust_at = 0.0  # leases are to be believed after this time
        self._background: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """The number of tasks."""
        return len(self._tasks)

    def __iter__(self) -> Iterator[FrontTask]:
        """All tasks."""
        return iter(tuple(self._tasks.values()))

    def __contains__(self, task: FrontTask) -> bool:
        """Whether the task is at a node or in the broker."""
        return self._tasks.get(task.flight) is task

    def may_send_ahead(self, user: str, most: int) -> bool:
        """Whether a user has no task here, and fewer than `most` were sent ahead of the window."""
        others = self._tasks.values()
        return sum(task.ahead for task in others) < most and all(
            task.turn.user != user for task in others
        )

    def send(self, task: FrontTask) -> None:
        """Have nodes read an image."""
        self._tasks[task.flight] = task
        if not task.attempt:
            task.note("queue", task.submitted_at)
        task.sending = asyncio.ensure_future(self._send(task))

    def cancel(self, task: FrontTask, error: EngineError, stop_running: bool) -> None:
        """End a task; no node begins it, and with stop_running, a node that reads it stops."""
        flight = task.flight
        self._end(task, error)
        given = "stop" if stop_running else "", flight, CANCEL_CHANNEL

        async def tell() -> None:
            try:
                await self._state.evaluate(CANCEL, (task_name(flight), blob_name(flight)), *given)
            except RedisAway:
                log.info("flight %s: nodes do not hear that it was cancelled", flight)

        self._in_background(tell())

    def hear(self, data: bytes) -> None:
        """A node tells how an attempt has ended."""
        outcome, packed = outcomes.heard(data)
        if outcome is None:
            return
        task = self._tasks.get(outcome.flight)
        if task is None or task.attempt != outcome.attempt or task.sent_at is None:
            attempt = self._past.get(outcome.flight) if task is None else task.attempt
            self.late += attempt not in (None, outcome.attempt)
            return
        if outcome.state == "again":
            self._try_again(task, outcome.message, RETRY_SECONDS * task.attempt)
        elif outcome.state == "failed":
            self._end(task, outcomes.error_of(outcome))
        else:
            task.sent_at = None  # looking again would find the same outcome
            self._in_background(self._fetch(task, outcome, packed))

    async def look(self) -> None:
        """Find out what has become of all tasks; called twice a second."""
        loop = asyncio.get_running_loop()
        sent = [(task, task.attempt) for task in self if task.sent_at is not None]
        if sent:
            names = [lease_name(task.flight) for task, _ in sent]
            names += [outcome_name(task.flight) for task, _ in sent]
            try:
                found = await self._state.get_all(names)
            except RedisAway:
                self._trust_at = loop.time() + LEASE_MS / 1000 + 1.0
                return
            for (task, attempt), lease, outcome in zip(
                sent, found[: len(sent)], found[len(sent) :], strict=True
            ):
                if task in self and task.attempt == attempt and task.sent_at is not None:
                    self._judge(task, lease is not None, outcome)
        for task in self:
            if loop.time() > task.deadline + AFTERWARDS_SECONDS:
                self.cancel(task, _never_read(task), stop_running=True)

    def _judge(self, task: FrontTask, has_lease: bool, outcome: bytes | None) -> None:
        now = asyncio.get_running_loop().time()
        assert task.sent_at is not None
        if outcome is not None and self._is_of(outcome, task):
            self.hear(outcome)
        elif has_lease:
            task.note_begin()
        elif now < self._trust_at:
            return
        elif task.begun:
            self._try_again(task, "its node was lost")
        elif now - task.sent_at > self._patience(task):
            task.unbegun += 1
            self._try_again(task, "no node has begun it")

    def _is_of(self, data: bytes, task: FrontTask) -> bool:
        outcome = outcomes.decode(data)
        return outcome is not None and outcome.attempt == task.attempt

    def _patience(self, task: FrontTask) -> float:
        """How long a message may be in the broker before it counts as lost."""
        seconds = max(UNBEGUN_SECONDS, 3 * self._mean_seconds())
        return min(seconds * 2.0**task.unbegun, MAX_UNBEGUN_SECONDS)

    def _try_again(self, task: FrontTask, reason: str, delay: float = 0.0) -> None:
        """Send the image again, unless it is given up."""
        loop = asyncio.get_running_loop()
        if loop.time() >= task.deadline or task.attempt >= MAX_ATTEMPTS:
            self.cancel(task, _never_read(task), stop_running=True)
            return
        log.warning("flight %s is sent again: %s", task.flight, reason)
        self.republished += 1
        task.state = TaskState.QUEUED
        task.sent_at = None
        loop.call_later(delay, self._send_again, task)

    def _send_again(self, task: FrontTask) -> None:
        if task in self:
            self.send(task)

    async def _send(self, task: FrontTask) -> None:
        """Store the image, then put the message into the broker."""
        message = task.next_attempt()
        began = asyncio.get_running_loop().time()
        left_ms = max(1, round((task.deadline - began) * 1000))
        names = task_name(task.flight), blob_name(task.flight)
        given = message.attempt, task.image, left_ms
        try:
            await self._state.evaluate(SEND, names, *given, patience=self._give_up_seconds)
            await self._publisher.send(message)
        except (RedisAway, WireError) as error:
            task.sending = None
            what = "broker" if isinstance(error, WireError) else "state server"
            self._end(
                task,
                BrokerUnavailable(f"the {what} of the cluster does not answer; try again later"),
            )
        else:
            task.sending = None
            task.note("publish", began)
            task.sent_at = asyncio.get_running_loop().time()

    async def _fetch(self, task: FrontTask, outcome: Outcome, told: bytes) -> None:
        """Get the result that a node has stored, or has told with the outcome."""
        began = asyncio.get_running_loop().time()
        packed = await self._packed(task, outcome, told)
        if task not in self:
            return
        if packed is None:
            task.carry = True
            self._try_again(task, "its result cannot be read", RETRY_SECONDS * task.attempt)
            return
        task.note("fetch", began)
        task.fingerprint = outcome.fingerprint
        stages = dict(outcome.stages or packed.stages)
        busy = sum(seconds for stage, seconds in stages.items() if stage != "queue")
        waited = asyncio.get_running_loop().time() - task.submitted_at
        stages["queue"] = max(0.0, waited - busy)
        result = packed.result
        encoded = EncodedRecognition(result.json, result.artifacts, stages)
        self._end(task, encoded, outcome.seconds)

    async def _packed(self, task: FrontTask, outcome: Outcome, told: bytes) -> PackedResult | None:
        name = carried_name(task.flight)
        try:
            if told:
                return unpack(told)
            if outcome.place == "cache":
                return await self._results.fetch(task.work, outcome.fingerprint)
            data = await self._state.command(
                lambda redis: redis.getdel(name), self._give_up_seconds
            )
            return None if data is None else unpack(cast(bytes, data))
        except (RedisAway, PackingError):
            return None

    def _end(
        self, task: FrontTask, outcome: EncodedRecognition | EngineError, seconds: float = 0.0
    ) -> None:
        if self._tasks.pop(task.flight, None) is None:
            return
        self._past[task.flight] = task.attempt
        while len(self._past) > MAX_ENDED:
            self._past.popitem(last=False)
        self._ended(task, outcome, seconds)

    def _in_background(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _never_read(task: FrontTask) -> EngineError:
    return WorkerCrashed(
        f"the image was sent to nodes {task.attempt} times, and none has read it; try again"
    )
