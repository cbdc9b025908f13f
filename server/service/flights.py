"""Recognitions in progress (flights), and the claims of requests on them (tickets)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from cache.keys import CacheKey, Digests
from ocr_engine.engine import Engine, EngineTask, TaskState, Turn
from ocr_engine.errors import QueueTimeout, RecognitionTimeout
from server.formats.answer import Answer, CacheOutcome

FlightIdentity = tuple[CacheKey, str]  # image, options and models; the SHA-256 of the image
FlightState = Literal["queued", "running", "done"]


class Flight:
    """A recognition in progress, and the number of requests that wait for it.

    It exists before the engine accepts the image, so that identical requests can join it. Its image
    waits in the best turn of all requests that have joined.
    abandon(flight, stop_running): called when nobody waits any more; stop_running: whether to stop
    work that has already started, too.
    """

    def __init__(
        self,
        identity: FlightIdentity,
        engine: Engine,
        abandon: Callable[[Flight, bool], None],
    ) -> None:
        self.identity = identity
        self.task: EngineTask | None = None
        self.waiters = 0
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._begun = asyncio.Event()
        self._engine = engine
        self._abandon = abandon

    def begin(self, task: EngineTask) -> None:
        """The engine has accepted the image."""
        self.task = task
        self._begun.set()

    def fail(self, error: Exception) -> None:
        """Set an error instead of an answer; if it comes before begin(), the image was refused."""
        self.answer.set_exception(error)
        self.answer.exception()  # marked as retrieved, as asyncio complains if nobody waits
        self._begun.set()

    def found(self, answer: Answer) -> None:
        """Set an answer that needs no recognition: another server has stored it."""
        self.answer.set_result(answer)
        self._begun.set()

    async def begun(self) -> None:
        """Wait until the engine has accepted the image; raises the error if it was refused."""
        await self._begun.wait()
        if self.task is None:
            self.answer.result()

    async def join(self, turn: Turn) -> None:
        """As begun(), for another request with the same image.

        If the turn of that request comes earlier, the image moves to it.
        """
        await self.begun()
        if self.task is not None and self.task.state is TaskState.QUEUED:
            self._engine.advance(self.task, turn)

    @property
    def state(self) -> FlightState:
        """Whether the work is queued, running or done."""
        if self.answer.done():
            return "done"
        is_queued = self.task is None or self.task.state is TaskState.QUEUED
        return "queued" if is_queued else "running"

    @property
    def position(self) -> int:
        """The position in the backlog, 1 being next; 0 if it is not queued."""
        return self._engine.position(self.task) if self.task is not None else 0

    def leave(self, stop_running: bool) -> None:
        """One request stops waiting."""
        self.waiters -= 1
        if self.waiters == 0 and not self.answer.done():
            self._abandon(self, stop_running)


class Ticket:
    """The claim of one request on an answer: `await answer()`, or leave().

    ready: the answer of a cache hit; otherwise it comes from `flight`.
    """

    def __init__(
        self,
        outcome: CacheOutcome,
        digests: Digests,
        flight: Flight | None = None,
        ready: Answer | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        self.outcome = outcome
        self.digests = digests
        self.ready = ready
        self._image: bytes | None = None
        self._flight = flight
        self._timeout = timeout_seconds
        self._waiting: asyncio.Future[Answer] | None = None
        if flight is not None:
            flight.waiters += 1

    @property
    def state(self) -> FlightState:
        """Whether the work is queued, running or done."""
        return self._flight.state if self._flight is not None else "done"

    @property
    def position(self) -> int:
        """The position in the backlog, 1 being next; 0 if it is not queued."""
        return self._flight.position if self._flight is not None else 0

    def when_started(self, callback: Callable[[], object]) -> None:
        """Call back once a worker has got the image; never if no worker needs it."""
        if self._flight is not None and self._flight.task is not None:
            self._flight.task.started.add_done_callback(lambda _: callback())

    def keep(self, image: bytes) -> None:
        """Have the answer bring the image with it, whose format needs it again."""
        self._image = image
        if self.ready is not None:
            self.ready = replace(self.ready, image=image)

    async def answer(self) -> Answer:
        """Wait for the answer; raises the recognition's error, or this request's own timeout.

        CancelledError after leave().
        """
        if self.ready is not None:
            return self.ready
        if self._flight is None:
            raise asyncio.CancelledError
        self._waiting = asyncio.shield(self._flight.answer)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._waiting
            return answer if self._image is None else replace(answer, image=self._image)
        except TimeoutError:
            raise self._overdue() from None
        finally:
            self._leave_flight(stop_running=False)

    def leave(self, stop_running: bool = False) -> None:
        """Give up the claim: queued work that nobody else waits for is dropped.

        Running work finishes and is cached, unless stop_running is set.
        """
        if self._waiting is not None:
            self._waiting.cancel()
        self._leave_flight(stop_running)

    def _leave_flight(self, stop_running: bool) -> None:
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.leave(stop_running)

    def _overdue(self) -> Exception:
        waited = f"timeout_ms of {(self._timeout or 0) * 1000:.0f} passed"
        if self.state == "queued":
            return QueueTimeout(f"{waited} before a worker was free; try again later")
        return RecognitionTimeout(f"{waited} before the recognition was done; it continues")
