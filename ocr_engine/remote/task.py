"""One image for a model on another server, from submission to its result."""

from __future__ import annotations

import asyncio

from ocr_engine.engine import EngineTask, TaskState, Turn
from ocr_engine.errors import EngineError
from ocr_engine.images.header import pixels_in
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition


class RemoteTask:
    """See EngineTask; work: what reads the image, once that has begun."""

    def __init__(
        self,
        task_id: int,
        image: bytes,
        options: RecognitionOptions,
        turn: Turn,
        fingerprint: str,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.task_id = task_id
        self.image = image
        self.size = len(image)
        self.options = options
        self.turn = turn
        self.fingerprint = fingerprint
        self.pixels = pixels_in(image)
        self.cost = 1.0
        self.future: asyncio.Future[Recognition] = loop.create_future()
        self.started: asyncio.Future[None] = loop.create_future()
        self.state = TaskState.QUEUED
        self.enqueued_at = loop.time()
        self.timer: asyncio.TimerHandle | None = None
        self.work: asyncio.Task[None] | None = None

    def start(self, work: asyncio.Task[None]) -> None:
        """Its reading begins."""
        self.state = TaskState.RUNNING
        self.work = work
        self.cancel_timer()
        if not self.started.done():
            self.started.set_result(None)

    def cancel_timer(self) -> None:
        """Cancel the limit of its wait."""
        if self.timer is not None:
            self.timer.cancel()

    def finish(self, outcome: Recognition | EngineError) -> None:
        """Set the result or the error; a second call is ignored."""
        self.state = TaskState.DONE
        self.image = b""
        self.cancel_timer()
        if self.future.done():
            return
        if isinstance(outcome, EngineError):
            self.future.set_exception(outcome)
            self.future.exception()  # mark as retrieved: perhaps nobody waits for it any more
        else:
            self.future.set_result(outcome)


def remote_task(task: EngineTask) -> RemoteTask:
    """A task of such an engine."""
    assert isinstance(task, RemoteTask), "a task of another engine"
    return task
