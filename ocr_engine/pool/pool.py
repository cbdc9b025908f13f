"""The pool: a bounded backlog in the parent, one task per worker, and a future for each."""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import dataclass, replace

from ocr_engine.errors import (
    PICTURE_ERRORS,
    ImageKillsWorkers,
    PoolDraining,
    PoolStarting,
    QueueTimeout,
    RecognitionFailed,
    RecognitionTimeout,
    WorkerCrashed,
)
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool import messages
from ocr_engine.pool.admission import Admission
from ocr_engine.pool.backlog import Backlog
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.pool.supervisor import CrewSpec, Supervisor, TaskReply
from ocr_engine.pool.task import PoolTask, TaskState
from ocr_engine.result import Recognition

log = logging.getLogger(__name__)

MAX_DEATHS = 2  # of workers that ended by their own doing over one image
BEGIN_SECONDS = 10.0  # until a worker says that it has read its task


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """The crew and its limits.

    queue_size: pictures that may wait. queue_seconds: how long one may wait for a worker.
    task_seconds: how long one recognition may take, once started. cores_per_picture: on how many
    cores, at most, one picture may be read when they are idle.
    """

    crew: CrewSpec
    queue_size: int = 100
    queue_seconds: float = 60.0
    task_seconds: float = 30.0
    cores_per_picture: int = 1


class Pool:
    """Pictures in, recognitions out. Lives on one event loop; workers are processes."""

    def __init__(self, spec: PoolSpec) -> None:
        self.spec = spec
        self.supervisor = Supervisor(spec.crew, self)
        self.admission = Admission(spec.queue_size, spec.queue_seconds)
        self.completed = 0
        self._ids = itertools.count(1)
        self._backlog = Backlog()
        self._running: dict[WorkerProcess, PoolTask] = {}
        self._pending_bytes = 0
        self._draining = False

    def start(self) -> None:
        """Spawn the workers; tasks may be submitted at once and wait for them."""
        self.supervisor.start()

    async def drain(self, grace_seconds: float) -> None:
        """Take no more work and wait until what was taken is done, or the grace is over."""
        self._draining = True
        deadline = asyncio.get_running_loop().time() + grace_seconds
        while self.pending() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)

    async def close(self, force: bool = False) -> None:
        """End every worker, at once if force; tasks that are left end with PoolDraining."""
        self._draining = True
        stopped = PoolDraining("the server is stopping")
        for task in (*self._backlog, *self._running.values()):
            task.finish(stopped)
        self._backlog.clear()
        for worker in self._running:
            worker.kill(ExitReason.SHUTDOWN, "shutdown")
        self._running.clear()
        await self.supervisor.close(force)

    def ready(self) -> bool:
        """Whether a worker is warm and work is taken."""
        return not self._draining and self.supervisor.warm() > 0

    def queued(self) -> int:
        """How many pictures wait."""
        return len(self._backlog)

    def running(self) -> int:
        """How many pictures are being read."""
        return len(self._running)

    def pending(self) -> int:
        """How many pictures wait or are being read."""
        return self.queued() + self.running()

    def pending_bytes(self) -> int:
        """How many bytes the pictures have that wait or are being read."""
        return self._pending_bytes

    def expected_wait(self) -> float:
        """How many seconds a picture sent now would wait for a worker."""
        if self.supervisor.idle_worker() is not None:
            return 0.0
        return self.admission.expected_wait(self.queued(), self.supervisor.warm())

    def position(self, task: PoolTask) -> int:
        """A queued task's place, 1 being next; 0 once it runs."""
        return self._backlog.position(task)

    def submit(
        self,
        picture: bytes,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
    ) -> PoolTask:
        """Put an image into the backlog. patience: seconds that it is worth waiting.

        read_before: see PoolTask. Raises PoolDraining, PoolStarting (no worker yet) or QueueFull.
        """
        if self._draining:
            raise PoolDraining("the server is stopping; send the picture to another one")
        if self.supervisor.info is None:
            raise PoolStarting("the models are still being loaded; try again in a second")
        if self.supervisor.idle_worker() is None:
            self.admission.check(self.queued(), self.supervisor.warm(), patience)
        most_seconds = self.spec.queue_seconds + self.spec.task_seconds
        task = PoolTask(next(self._ids), picture, options, most_seconds, read_before)
        self._count_bytes(len(picture), task)
        self._enqueue(task)
        return task

    def cancel(self, task: PoolTask, stop_running: bool = False) -> bool:
        """Drop a queued task; stop a running one if stop_running and that is worth a worker.

        False if the task is done, or runs and goes on.
        """
        cancelled = PoolDraining("the work was cancelled")
        if self._backlog.remove(task):
            task.finish(cancelled)
            return True
        worker = next((worker for worker, t in self._running.items() if t is task), None)
        if worker is None or not stop_running:
            return False
        if not self.supervisor.may_sacrifice(
            worker, asyncio.get_running_loop().time() - task.started_at
        ):
            return False
        del self._running[worker]
        task.finish(cancelled)
        worker.kill(ExitReason.CANCELLED, "its task was cancelled")
        return True

    def on_idle(self) -> None:
        """Hand the oldest waiting pictures to workers that are free; see CrewListener."""
        while self._backlog and (worker := self.supervisor.idle_worker()) is not None:
            self._run(self._backlog.pop(), worker)

    def on_task_begun(self, worker: WorkerProcess, task_id: int) -> None:
        """A worker has read its task: an attempt, whatever comes of it; see CrewListener."""
        task = self._running.get(worker)
        if task is not None and task.task_id == task_id:
            task.attempts += 1
            task.begun = True
            task.set_timer(self.spec.task_seconds, self._overdue, task, worker)

    def on_task_reply(self, worker: WorkerProcess, reply: TaskReply) -> None:
        """A worker is done with its task; see CrewListener."""
        task = self._running.pop(worker, None)
        if task is None:
            return
        if task.task_id != reply.task_id:
            told = WorkerExit(ExitReason.PROTOCOL_ERROR, "answered another task", own_doing=True)
            worker.kill(told.reason, told.detail)
            self._retry(task, told)
            return
        self.completed += 1
        self.admission.record(asyncio.get_running_loop().time() - task.started_at)
        if isinstance(reply, messages.Failed):
            error = PICTURE_ERRORS.get(reply.code, RecognitionFailed)
            task.finish(error(reply.message))
            return
        stages = {"queue": task.started_at - task.enqueued_at, **reply.recognition.stages}
        task.finish(replace(reply.recognition, stages=stages))

    def on_worker_lost(self, worker: WorkerProcess, ended: WorkerExit) -> None:
        """A worker died; its image is tried again; see CrewListener."""
        task = self._running.pop(worker, None)
        if task is not None:
            self._retry(task, ended)

    def _enqueue(self, task: PoolTask, first: bool = False) -> None:
        """Put a task at the end of the backlog, or before all others."""
        task.state = TaskState.QUEUED
        self._backlog.push(task, first)
        left = task.deadline - asyncio.get_running_loop().time()
        task.set_timer(min(self.spec.queue_seconds, left), self._expire, task)
        self.on_idle()

    def _count_bytes(self, size: int, task: PoolTask) -> None:
        """Count them until the task is settled: every piece of a body is checked against all."""

        def settled(_: asyncio.Future[Recognition]) -> None:
            self._pending_bytes -= size

        self._pending_bytes += size
        task.future.add_done_callback(settled)

    def _run(self, task: PoolTask, worker: WorkerProcess) -> None:
        task.dispatches += 1
        task.begun = False
        task.state = TaskState.RUNNING
        task.started_at = asyncio.get_running_loop().time()
        task.set_timer(BEGIN_SECONDS, self._not_begun, task, worker)
        task.cores = self._free_cores()
        self._running[worker] = task
        worker.assign(messages.Task(task.task_id, task.options, task.picture, task.cores))

    def _free_cores(self) -> int:
        """On how many cores a picture may be read now: on idle ones, too, if no other waits."""
        if self._backlog:
            return 1
        taken = sum(task.cores for task in self._running.values())
        return max(1, min(self.spec.cores_per_picture, self.supervisor.warm() - taken))

    def _retry(self, task: PoolTask, ended: WorkerExit) -> None:
        """Try a task again after its worker was lost, before all others.

        Until its deadline, unless it has ended MAX_DEATHS workers: those that were killed from
        outside do not count, nor does any if the image has been read before.
        """
        if task.begun and ended.own_doing:
            task.deaths += 1
        if task.deaths >= MAX_DEATHS and not task.read_before:
            told = f"{task.deaths} workers crashed while they read this image"
            task.finish(ImageKillsWorkers(told))
        elif asyncio.get_running_loop().time() >= task.deadline:
            task.finish(_always_killed(task))
        else:
            log.warning("task %d is tried again: its worker %s", task.task_id, ended.detail)
            self._enqueue(task, first=True)

    def _expire(self, task: PoolTask) -> None:
        if not self._backlog.remove(task):
            return
        if task.dispatches:
            task.finish(_always_killed(task))
        else:
            limit = f"{self.spec.queue_seconds:g} s"
            task.finish(QueueTimeout(f"no worker was free within {limit}; try later"))

    def _not_begun(self, task: PoolTask, worker: WorkerProcess) -> None:
        """An idle worker that is frozen takes a task and never reads it."""
        if self._running.get(worker) is task:
            del self._running[worker]
            stuck = WorkerExit(ExitReason.STUCK, "did not begin its task")
            worker.abort(stuck.reason, stuck.detail)
            self._retry(task, stuck)

    def _overdue(self, task: PoolTask, worker: WorkerProcess) -> None:
        if self._running.get(worker) is task:
            del self._running[worker]
            self.admission.record(self.spec.task_seconds)
            task.finish(
                RecognitionTimeout(
                    f"the recognition took longer than {self.spec.task_seconds:g} s; "
                    "send a smaller picture"
                )
            )
            worker.abort(ExitReason.DEADLINE, "deadline passed")


def _always_killed(task: PoolTask) -> WorkerCrashed:
    """The error of an image that was read for as long as it may take, but never to its end."""
    return WorkerCrashed(
        f"all {task.dispatches} workers that this image was given to were lost before they had "
        "read it; try again"
    )
