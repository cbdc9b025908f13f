"""The worker pool: a bounded backlog, one task per worker, and a future for each task."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time

from ocr_engine.engine import DEFAULT_TURN, EngineStats, EngineTask, ProbeReport, TaskState, Turn
from ocr_engine.errors import PoolDraining, PoolStarting
from ocr_engine.images.pixels import ImageData
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.admission import Admission
from ocr_engine.pool.backlog import Backlog
from ocr_engine.pool.deadlines import Deadlines
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.listeners import TaskProgress, TaskReply
from ocr_engine.pool.probe import Prober
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.pool.roll_out import RollOut
from ocr_engine.pool.sacrifices import Sacrifices
from ocr_engine.pool.spec import PoolSpec
from ocr_engine.pool.stats import stats_of
from ocr_engine.pool.supervisor import Supervisor
from ocr_engine.pool.task import PendingBytes, PoolTask, own_task
from ocr_engine.recognizer import EngineInfo
from ocr_engine.worker.messages import Begun, Failed

log = logging.getLogger(__name__)


class Pool:
    """The engine whose workers are processes on this machine; see Engine."""

    def __init__(self, spec: PoolSpec) -> None:
        self.spec = spec
        self.supervisor = Supervisor(spec.workers, self)
        self.admission = Admission(spec.queue_size, spec.queue_seconds, spec.user_share)
        self.completed = 0
        self._ids = itertools.count(1)
        self._backlog: Backlog[PoolTask] = Backlog()
        self._sacrifices = Sacrifices(spec.workers.number)
        self._running: dict[WorkerProcess, PoolTask] = {}
        self._deadlines = Deadlines(
            self._running, spec.task_seconds, self._retry, self._overdue, self._replace_killed
        )
        self._prober = Prober(self.supervisor, self.on_idle)
        self._roll_out = RollOut(self.supervisor)
        self._pending_bytes = PendingBytes()
        self._draining = False

    @property
    def models(self) -> ModelSets:
        """See Engine."""
        return self.supervisor.spec.worker.models

    @property
    def info(self) -> EngineInfo | None:
        """See Engine."""
        return self.supervisor.info

    @property
    def capacity(self) -> int:
        """See Engine."""
        return self.spec.workers.number

    def start(self) -> None:
        """Spawn the workers."""
        self.supervisor.start()

    async def failure(self) -> str:
        """See Engine."""
        return await self.supervisor.failure()

    async def use_models(self, chosen: LoadableSet) -> None:
        """See Engine."""
        self._check_accepting()
        await self._roll_out.use(chosen)

    def stats(self) -> EngineStats:
        """See Engine."""
        return stats_of(self, self._backlog.users())

    async def probe(self) -> ProbeReport:
        """See Engine; a pool that drains is not probed, and does not pass."""
        if self._draining:
            return ProbeReport(time.monotonic())
        return await self._prober.report()

    async def drain(self, grace_seconds: float) -> None:
        """See Engine."""
        self._draining = True
        deadline = asyncio.get_running_loop().time() + grace_seconds
        while self.pending() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)

    async def close(self, force: bool = False) -> None:
        """See Engine."""
        self._draining = True
        stopped = PoolDraining("the server is stopping")
        for task in (*self._backlog, *self._running.values()):
            task.finish(stopped)
        self._backlog.clear()
        self._prober.close()
        await self._roll_out.close()
        for worker in self._running:
            worker.kill(ExitReason.SHUTDOWN, "shutdown")
        self._running.clear()
        await self.supervisor.close(force)

    def ready(self) -> bool:
        """See Engine: a worker is warm, and the pool is not draining."""
        return not self._draining and self.supervisor.warm() > 0

    def queued(self) -> int:
        """The number of waiting images."""
        return len(self._backlog)

    def running(self) -> int:
        """The number of images being read."""
        return len(self._running)

    def pending(self) -> int:
        """The number of images waiting or being read."""
        return self.queued() + self.running()

    def pending_bytes(self) -> int:
        """See Engine."""
        return self._pending_bytes.total

    def expected_wait(self) -> float:
        """See Engine."""
        if self.supervisor.idle_worker() is not None:
            return 0.0
        return self.admission.expected_wait(self.queued(), self.supervisor.warm())

    def retry_after(self) -> float:
        """See Engine."""
        return self.admission.retry_after(self.expected_wait())

    def position(self, task: EngineTask) -> int:
        """See Engine."""
        return self._backlog.position(own_task(task))

    def advance(self, task: EngineTask, turn: Turn) -> None:
        """See Engine."""
        self._backlog.advance(own_task(task), turn)

    def submit(
        self,
        image: ImageData,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
        turn: Turn = DEFAULT_TURN,
    ) -> PoolTask:
        """See Engine: adds the image to the backlog."""
        self._check_accepting()
        self.admission.meet(turn.user)
        if self.supervisor.idle_worker() is None:
            self.admission.check(self._backlog.waiting(turn), self.supervisor.warm(), patience)
        max_seconds = self.spec.queue_seconds + self.spec.task_seconds
        fingerprint = self.models.find(options.models).fingerprint
        task = PoolTask(
            next(self._ids), image, options, max_seconds, read_before, turn, fingerprint
        )
        task.cost = self.admission.cost(task.pixels)
        self._pending_bytes.count(len(image), task)
        self._enqueue(task)
        return task

    def cancel(self, task: EngineTask, stop_running: bool = False) -> bool:
        """See Engine; a running task is stopped only if that is worth the start of a worker."""
        task = own_task(task)
        cancelled = PoolDraining("the work was cancelled")
        if self._backlog.remove(task):
            task.finish(cancelled)
            return True
        worker = next((worker for worker, t in self._running.items() if t is task), None)
        if worker is None or not stop_running:
            return False
        busy_seconds = asyncio.get_running_loop().time() - task.started_at
        if not self._sacrifices.allow(busy_seconds, worker.life.start_seconds or 0.0):
            return False
        del self._running[worker]
        task.finish(cancelled)
        worker.kill(ExitReason.CANCELLED, "its task was cancelled")
        self._replace_killed()
        return True

    def on_idle(self) -> None:
        """Assign the next waiting images to idle workers; see SupervisorListener."""
        self._prober.assign()
        while self._backlog and self.supervisor.idle_worker() is not None:
            self._run(self._backlog.pop())

    def on_task_progress(self, worker: WorkerProcess, progress: TaskProgress) -> None:
        """A worker has begun its task, or has done a part of it; see SupervisorListener."""
        task = self._running.get(worker)
        if task is not None and task.task_id == progress.task_id:
            task.note(progress)
            if isinstance(progress, Begun):
                self._deadlines.begun(task, worker)

    def on_task_reply(self, worker: WorkerProcess, reply: TaskReply) -> None:
        """A worker has finished its task; see SupervisorListener."""
        if self._prober.on_reply(worker, reply):
            return
        task = self._running.pop(worker, None)
        if task is None:
            return
        if task.task_id != reply.task_id:
            ended = WorkerExit(
                ExitReason.PROTOCOL_ERROR, "answered another task", self_inflicted=True
            )
            worker.kill(ended.reason, ended.detail)
            self._retry(task, ended)
            self._replace_killed()
            return
        if task.state is TaskState.DONE:  # the deadline has passed: the answer is late, or says so
            task.cancel_timer()
            return
        self.completed += 1
        if task.loads and not task.begun:
            worker.could_not_load()
        else:
            seconds = asyncio.get_running_loop().time() - task.started_at
            self.admission.record(seconds, task.pixels)
        if isinstance(reply, Failed):
            task.finish(task.reported(reply, self.spec.task_seconds))
            return
        task.finish(task.recognition(reply, worker.pid))

    def on_worker_lost(self, worker: WorkerProcess, ended: WorkerExit) -> None:
        """A worker died; its task is retried; see SupervisorListener."""
        self._prober.on_lost(worker)
        task = self._running.pop(worker, None)
        if task is not None:
            self._retry(task, ended)

    def _check_accepting(self) -> None:
        """PoolDraining or PoolStarting."""
        if self._draining:
            raise PoolDraining("the server is stopping; send the image to another one")
        if self.supervisor.info is None:
            raise PoolStarting("the models are still being loaded; try again in a second")

    def _enqueue(self, task: PoolTask, first: bool = False) -> None:
        """Add a task at the end of the backlog, or at the front if `first`."""
        task.state = TaskState.QUEUED
        self._backlog.push(task, first)
        remaining = task.deadline - asyncio.get_running_loop().time()
        task.set_timer(min(self.spec.queue_seconds, remaining), self._expire, task)
        self.on_idle()

    def _run(self, task: PoolTask) -> None:
        """Assign a task, if possible to a worker that has loaded its models."""
        models = task.options.models
        worker = self.supervisor.idle_worker(models)
        assert worker is not None
        loads = not worker.has_loaded(models)
        task.cpu_seconds = worker.task_cpu_seconds
        task.start(self._free_cores(), worker.spec.models.find(models).fingerprint, loads)
        self._deadlines.sent(task, worker, loads * self.spec.workers.start_seconds)
        self._running[worker] = task
        worker.assign(task.message(self.spec.task_seconds))

    def _free_cores(self) -> int:
        """How many cores the next image may use: idle ones too, if no other image is waiting."""
        if self._backlog:
            return 1
        taken = self._prober.reading() + sum(task.cores for task in self._running.values())
        return max(1, min(self.spec.cores_per_image, self.supervisor.warm() - taken))

    def _retry(self, task: PoolTask, ended: WorkerExit) -> None:
        """Retry a task whose worker was lost, ahead of all others, unless it is to be given up."""
        if task.state is TaskState.DONE:
            return
        error = task.lost_worker(ended)
        if error is not None:
            task.finish(error)
        else:
            log.warning("task %d is retried: its worker %s", task.task_id, ended.detail)
            self._enqueue(task, first=True)

    def _expire(self, task: PoolTask) -> None:
        if not self._backlog.remove(task):
            return
        task.finish(task.waited_too_long(self.spec.queue_seconds))

    def _overdue(self, task: PoolTask) -> None:
        self.admission.record(self.spec.task_seconds, task.pixels)

    def _replace_killed(self) -> None:
        """Let a spare take the place of a killed worker before its process has ended."""
        self.supervisor.use_spares()
        self.on_idle()
