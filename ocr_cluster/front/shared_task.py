"""One image that is read for this front end, or for another one that has the same image."""

from __future__ import annotations

import asyncio

from ocr_cluster.front.task import FrontTask
from ocr_cluster.work import Work
from ocr_engine.engine import EngineTask, TaskState
from ocr_engine.errors import EngineError
from ocr_engine.result import EncodedRecognition


class SharedTask:
    """See EngineTask. joined: another front end had the image when this one asked.

    inner: the task of this front end's own engine; None while another one has the image read.
    work: the coroutine that waits for the result.
    """

    def __init__(self, shared: Work, flight: str, joined: bool) -> None:
        loop = asyncio.get_running_loop()
        self.shared = shared
        self.flight = flight
        self.joined = joined
        self.inner: FrontTask | None = None
        self.work: asyncio.Task[None] | None = None
        self.future: asyncio.Future[EncodedRecognition] = loop.create_future()
        self.started: asyncio.Future[None] = loop.create_future()
        self.fingerprint = ""

    @property
    def state(self) -> TaskState:
        """See EngineTask."""
        if self.future.done():
            return TaskState.DONE
        return TaskState.QUEUED if self.inner is None else self.inner.state

    def note_start(self, _: object = None) -> None:
        """A node has begun the image."""
        if not self.started.done():
            self.started.set_result(None)

    def finish(self, outcome: EncodedRecognition | EngineError) -> None:
        """Set the result or the error; a second call is ignored."""
        if self.future.done():
            return
        if self.inner is None and self.work is not None and isinstance(outcome, EngineError):
            self.work.cancel()
        if isinstance(outcome, EngineError):
            self.future.set_exception(outcome)
            self.future.exception()  # mark as retrieved: perhaps nobody waits for it any more
        else:
            self.note_start()
            self.future.set_result(outcome)


def own_task(task: EngineTask) -> SharedTask:
    """A task of this engine."""
    assert isinstance(task, SharedTask), "a task of another engine"
    return task
