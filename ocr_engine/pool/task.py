"""One image on its way through the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ocr_engine.engine import TaskState
from ocr_engine.errors import (
    IMAGE_ERRORS,
    EngineError,
    ImageKillsWorkers,
    QueueTimeout,
    RecognitionFailed,
    RecognitionTimeout,
    WorkerCrashed,
)
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.exits import WorkerExit
from ocr_engine.result import Recognition
from ocr_engine.worker.messages import Failed, Task

MAX_DEATHS = 2  # of workers that ended by their own doing over one image


class PoolTask:
    """One image on its way; await `future` for its Recognition or an EngineError.

    most_seconds: for how long it may be tried. read_before: it has been read by these models with
    these options, so that no worker's death is its fault.
    """

    def __init__(
        self,
        task_id: int,
        image: bytes,
        options: RecognitionOptions,
        most_seconds: float,
        read_before: bool = False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.task_id = task_id
        self.image = image
        self.options = options
        self.future: asyncio.Future[Recognition] = loop.create_future()
        self.state = TaskState.QUEUED
        self.cores = 1  # that its worker may use
        self.read_before = read_before
        self.dispatches = 0  # to how many workers it was sent
        self.attempts = 0  # how many of them have begun it
        self.begun = False  # by the worker that has it
        self.deaths = 0  # how many workers ended by their own doing after they had begun it
        self.enqueued_at = loop.time()
        self.deadline = self.enqueued_at + most_seconds  # later it is not tried again
        self.started_at = self.enqueued_at
        self.timer: asyncio.TimerHandle | None = None

    def message(self, seconds: float) -> Task:
        """What its worker is told; seconds: how long the recognition may take."""
        return Task(self.task_id, self.options, self.image, self.cores, seconds)

    def lost_worker(self, ended: WorkerExit) -> EngineError | None:
        """Note that its worker was lost; the error if it is to be given up, None to try again.

        It is tried until its deadline, unless it has ended MAX_DEATHS workers: those that were
        killed from outside do not count, nor does any if the image has been read before.
        """
        if self.begun and ended.own_doing:
            self.deaths += 1
        if self.deaths >= MAX_DEATHS and not self.read_before:
            return ImageKillsWorkers(f"{self.deaths} workers crashed while they read this image")
        if asyncio.get_running_loop().time() >= self.deadline:
            return self.always_killed()
        return None

    def always_killed(self) -> EngineError:
        """The error of an image that was tried for as long as it may be, but never read."""
        return WorkerCrashed(
            f"all {self.dispatches} workers that this image was given to were lost before they "
            "had read it; try again"
        )

    def waited_too_long(self, seconds: float) -> EngineError:
        """The error of an image that no worker was free for, or whose workers were all lost."""
        if self.dispatches:
            return self.always_killed()
        return QueueTimeout(f"no worker was free within {seconds:g} s; try later")

    def reported(self, failed: Failed, seconds: float) -> EngineError:
        """The error that its worker reports; seconds: how long the recognition could take."""
        if failed.code == RecognitionTimeout.code:
            return self.took_too_long(seconds)
        return IMAGE_ERRORS.get(failed.code, RecognitionFailed)(failed.message)

    def took_too_long(self, seconds: float) -> EngineError:
        """The error of an image whose recognition passed its deadline."""
        return RecognitionTimeout(
            f"the recognition took longer than {seconds:g} s; send a smaller image"
        )

    def set_timer(self, seconds: float, callback: Callable[..., None], *arguments: object) -> None:
        """Call back after so long, instead of what the timer was set to before."""
        self.cancel_timer()
        self.timer = asyncio.get_running_loop().call_later(seconds, callback, *arguments)

    def cancel_timer(self) -> None:
        """Cancel the pending callback."""
        if self.timer is not None:
            self.timer.cancel()

    def finish(self, outcome: Recognition | EngineError) -> None:
        """Settle the future, once."""
        self.state = TaskState.DONE
        self.image = b""
        self.cancel_timer()
        if self.future.done():
            return
        if isinstance(outcome, EngineError):
            self.future.set_exception(outcome)
            self.future.exception()  # a task may end with nobody waiting for it any more
        else:
            self.future.set_result(outcome)
