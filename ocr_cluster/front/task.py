"""One image that a front end has nodes read, from submission to its result."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from ocr_cluster.front.wanted import Wanted
from ocr_cluster.message import Message
from ocr_engine.engine import TaskState
from ocr_engine.errors import EngineError
from ocr_engine.images.header import pixels_in
from ocr_engine.result import EncodedRecognition
from ocr_engine.tracing import CURRENT


class FrontTask:
    """See EngineTask. flight: its name in the cluster. max_seconds: for how long it is tried.

    fingerprint: of the models that are expected to read it.
    """

    def __init__(
        self,
        task_id: int,
        flight: str,
        wanted: Wanted,
        max_seconds: float,
        fingerprint: str,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.task_id = task_id
        self.flight = flight
        self.wanted = wanted
        self.work = wanted.work
        self.image = wanted.image
        self.turn = wanted.turn
        self.fingerprint = fingerprint
        self.future: asyncio.Future[EncodedRecognition] = loop.create_future()
        self.started: asyncio.Future[None] = loop.create_future()
        self.state = TaskState.QUEUED
        self.pixels = pixels_in(self.image)  # 0 if its header is broken
        self.cost = 1.0  # expected time, relative to that of an average image
        self.attempt = 0
        self.unbegun = 0  # attempts that no node has begun, in a row
        self.begun = False  # at this attempt
        self.ahead = False  # it was sent though the window was full
        self.carry = False  # its result could not be read from the server for the cache
        self.sending: asyncio.Task[None] | None = None
        self.sent_at: float | None = None  # by the loop's clock; None while it is not in the broker
        self.submitted_at = loop.time()
        self.deadline = self.submitted_at + max_seconds
        self.deadline_at = time.time() + max_seconds
        self.trace = CURRENT.get()  # of the request that has it read

    def next_attempt(self) -> Message:
        """The message for one more attempt."""
        self.attempt += 1
        self.begun = False
        self.sent_at = None
        return Message(
            self.flight,
            self.work,
            self.wanted.options,
            self.deadline_at,
            self.turn.user,
            self.attempt,
            self.wanted.fresh,
            self.wanted.read_before,
            self.carry,
            "" if self.trace is None else self.trace.traceparent,
        )

    def note(self, name: str, began: float) -> None:
        """Note a span that ends now in the trace of its request, if there is one."""
        if self.trace is not None:
            self.trace.note(name, began)

    def note_begin(self) -> None:
        """A node has begun it."""
        self.begun = True
        self.unbegun = 0
        self.state = TaskState.RUNNING
        if not self.started.done():
            self.started.set_result(None)

    def finish(self, outcome: EncodedRecognition | EngineError) -> None:
        """Set the result or the error; a second call is ignored."""
        self.state = TaskState.DONE
        self.image = b""
        self.wanted = replace(self.wanted, image=b"")
        if self.sending is not None:
            self.sending.cancel()
        if self.future.done():
            return
        if isinstance(outcome, EngineError):
            self.future.set_exception(outcome)
            self.future.exception()  # mark as retrieved: perhaps nobody waits for it any more
        else:
            if not self.started.done():
                self.started.set_result(None)
            self.future.set_result(outcome)
