"""One image in the pool, from submission to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ocr_engine.engine import DEFAULT_TURN, EngineTask, TaskState, Turn
from ocr_engine.errors import (
    IMAGE_ERRORS,
    EngineError,
    ImageKillsWorkers,
    QueueTimeout,
    RecognitionFailed,
    RecognitionTimeout,
    WorkerCrashed,
)
from ocr_engine.images.header import pixels_in
from ocr_engine.images.pixels import ImageData
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.exits import WorkerExit
from ocr_engine.result import Recognition
from ocr_engine.steps import MAX_SAVED_BYTES
from ocr_engine.tracing import CURRENT, Span
from ocr_engine.worker.messages import Begun, Done, Failed, Saved, Task

MAX_DEATHS = 2  # workers that one image may crash
SLOW_SHARE = 0.1  # of the time limit; with less CPU time, the machine is at fault


class PoolTask:
    """One task; await `future` for its Recognition or an EngineError.

    max_seconds: for how long it may be retried. read_before: the models with this fingerprint have
    read the image before with these options, so the image is not to blame if a worker dies.
    """

    def __init__(
        self,
        task_id: int,
        image: ImageData,
        options: RecognitionOptions,
        max_seconds: float,
        read_before: bool = False,
        turn: Turn = DEFAULT_TURN,
        fingerprint: str = "",
    ) -> None:
        loop = asyncio.get_running_loop()
        self.task_id = task_id
        self.image: ImageData = image
        self.options = options
        self.future: asyncio.Future[Recognition] = loop.create_future()
        self.started: asyncio.Future[None] = loop.create_future()
        self.state = TaskState.QUEUED
        self.cores = 1  # its worker may use so many
        self.read_before = read_before
        self.fingerprint = fingerprint  # of the models that read it
        self.loads = False  # its present worker must load the models first
        self.failed_loads = 0  # workers that crashed while they loaded the models
        self.turn = turn
        self.pixels = pixels_in(image)  # 0 if its header is broken
        self.cost = 1.0  # expected time, relative to that of an average image
        self.dispatches = 0  # workers that it was sent to
        self.attempts = 0  # workers that have begun it
        self.begun = False  # by its present worker
        self.saved = b""  # the steps that its workers have saved
        self.cpu_seconds: Callable[[], float] = float  # used by its present worker for it
        self.deaths = 0  # workers that crashed after they had begun it
        self.enqueued_at = loop.time()
        self.deadline = self.enqueued_at + max_seconds  # no retry after this time
        self.started_at = self.enqueued_at
        self.timer: asyncio.TimerHandle | None = None
        self.trace = CURRENT.get()  # of the request that has submitted it

    def start(self, cores: int, fingerprint: str, loads: bool) -> None:
        """A worker gets the task, and may use this many cores for it.

        fingerprint: of the models with which the worker reads; another one if models were swapped
        while the task waited. loads: it must load them first.
        """
        if fingerprint != self.fingerprint:
            self.fingerprint, self.read_before, self.saved = fingerprint, False, b""
        self.loads = loads
        self.dispatches += 1
        self.begun = False
        self.state = TaskState.RUNNING
        self.started_at = asyncio.get_running_loop().time()
        self.cores = cores
        if not self.started.done():
            self.started.set_result(None)

    def message(self, seconds: float) -> Task:
        """The message to its worker; seconds: limit of the recognition."""
        traceparent = self.trace.traceparent if self.trace is not None else ""
        return Task(
            self.task_id, self.options, self.image, self.cores, seconds, self.saved, traceparent
        )

    def note(self, progress: Begun | Saved) -> None:
        """Record that its worker has begun, which counts as an attempt, or what it has done."""
        if isinstance(progress, Begun):
            self.attempts += 1
            self.begun = True
        elif len(self.saved) + len(progress.steps) <= MAX_SAVED_BYTES:
            self.saved += progress.steps

    def recognition(self, reply: Done, pid: int | None) -> Recognition:
        """What its worker has read, with the time that it waited; pid: of the worker."""
        if self.trace is not None and reply.measured:
            self.trace.note("queue", self.enqueued_at, self.started_at)
            whole, *parts = reply.measured
            self.trace.spans.append(Span(whole, parts, pid))
        stages = {"queue": self.started_at - self.enqueued_at, **reply.recognition.stages}
        return replace(reply.recognition, stages=stages)

    def lost_worker(self, ended: WorkerExit) -> EngineError | None:
        """Record that the task's worker was lost.

        Returns the error if the task is given up, None if it is to be retried.

        A task is retried until its deadline, unless it has crashed MAX_DEATHS workers. Workers
        killed from outside do not count, and no crash counts if the image has been read before.
        """
        if self.loads and not self.begun and ended.self_inflicted:
            self.failed_loads += 1
        if self.failed_loads >= MAX_DEATHS:
            return WorkerCrashed(
                f"{self.failed_loads} workers crashed while they loaded the models for this image"
            )
        if self.begun and ended.self_inflicted:
            self.deaths += 1
        if self.deaths >= MAX_DEATHS and not self.read_before:
            return ImageKillsWorkers(f"{self.deaths} workers crashed while reading this image")
        if asyncio.get_running_loop().time() >= self.deadline:
            return self.always_killed()
        return None

    def always_killed(self) -> EngineError:
        """The error of a task that was retried until its deadline and never finished."""
        return WorkerCrashed(
            f"all {self.dispatches} workers that were given this image were lost before they had "
            "read it; try again"
        )

    def waited_too_long(self, seconds: float) -> EngineError:
        """The error of a task for which no worker was free, or whose workers were all lost."""
        if self.dispatches:
            return self.always_killed()
        return QueueTimeout(f"no worker was free within {seconds:g} s; try later")

    def reported(self, failed: Failed, seconds: float) -> EngineError:
        """The error that its worker reported; seconds: limit of the recognition."""
        if failed.code == RecognitionTimeout.code:
            return self.took_too_long(seconds)
        return IMAGE_ERRORS.get(failed.code, RecognitionFailed)(failed.message)

    def took_too_long(self, seconds: float) -> EngineError:
        """The error of a recognition that passed its deadline."""
        return RecognitionTimeout(
            f"the recognition took longer than {seconds:g} s; send a smaller image",
            is_slow=self.cpu_seconds() >= SLOW_SHARE * seconds,
        )

    def set_timer(self, seconds: float, callback: Callable[..., None], *arguments: object) -> None:
        """Call back after so many seconds; replaces the previous timer."""
        self.cancel_timer()
        self.timer = asyncio.get_running_loop().call_later(seconds, callback, *arguments)

    def cancel_timer(self) -> None:
        """Cancel the pending callback."""
        if self.timer is not None:
            self.timer.cancel()

    def finish(self, outcome: Recognition | EngineError) -> None:
        """Set the result or the error; a second call is ignored."""
        self.state = TaskState.DONE
        self.image = self.saved = b""
        self.cancel_timer()
        if self.future.done():
            return
        if isinstance(outcome, EngineError):
            self.future.set_exception(outcome)
            self.future.exception()  # mark as retrieved: perhaps nobody waits for it any more
        else:
            self.future.set_result(outcome)


def own_task(task: EngineTask) -> PoolTask:
    """A task of this engine."""
    assert isinstance(task, PoolTask), "a task of another engine"
    return task


class PendingBytes:
    """The bytes of all images that wait or are being read."""

    def __init__(self) -> None:
        self.total = 0

    def count(self, size: int, task: PoolTask) -> None:
        """Count an image until its task is done."""

        def settled(_: asyncio.Future[Recognition]) -> None:
            self.total -= size

        self.total += size
        task.future.add_done_callback(settled)
