"""Keeps the configured number of workers warm: spawns, monitors, replaces and recycles them."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from ocr_engine.engine import WorkerState
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.process import LEAVE_SECONDS, WorkerProcess
from ocr_engine.recognizer import EngineInfo
from ocr_engine.worker.messages import Begun, Done, Failed, LoadFailed, Ready, Reply
from ocr_engine.worker.spec import IDLE_TRIM_SECONDS, WorkerSpec

log = logging.getLogger(__name__)

RECYCLE_SPREAD = 0.2
MAX_BACKOFF_SECONDS = 30.0
MAX_FIRST_STARTS = 5
SACRIFICE_SECONDS = 30.0
CLOSE_SECONDS = 2 * LEAVE_SECONDS  # before giving up on a worker that survives even SIGKILL

TaskReply = Done | Failed


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """How many workers there are, how each is set up, and when one is recycled.

    number: how many workers. max_tasks: images before a worker is recycled (±20 %), 0: no limit.
    max_rss_mb: memory above which it is recycled. start_seconds: limit for loading and warm-up.
    """

    number: int
    worker: WorkerSpec
    max_tasks: int = 1000
    max_rss_mb: int = 1500
    start_seconds: float = 120.0


class SupervisorListener(Protocol):
    """The user of the workers, notified on the event loop."""

    def on_idle(self) -> None:
        """A worker can take a task."""

    def on_task_begun(self, worker: WorkerProcess, task_id: int) -> None:
        """A worker has begun a task."""

    def on_task_reply(self, worker: WorkerProcess, reply: TaskReply) -> None:
        """A worker has finished a task."""

    def on_worker_lost(self, worker: WorkerProcess, ended: WorkerExit) -> None:
        """A worker has ended, and its task with it."""


class Supervisor:
    """The worker processes. Runs on the event loop; start() spawns them."""

    def __init__(
        self,
        spec: SupervisorSpec,
        listener: SupervisorListener,
        randomness: random.Random | None = None,
    ) -> None:
        self.spec = spec
        self.restarts: Counter[str] = Counter()
        self.info: EngineInfo | None = None
        self._listener = listener
        self._random = randomness or random.Random()
        self._workers: list[WorkerProcess] = []
        self._senders = ThreadPoolExecutor(2 * spec.number + 2, thread_name_prefix="channel")
        self._sacrifices: deque[float] = deque(maxlen=spec.number)
        self._spawn_round = 0
        self._failed_rounds: set[int] = set()
        self._respawn: asyncio.TimerHandle | None = None
        self._closing = False
        self._failure: asyncio.Future[str] | None = None

    def start(self) -> None:
        """Spawn the workers."""
        self._failure = asyncio.get_running_loop().create_future()
        self._fill()

    async def failure(self) -> str:
        """Wait until it is certain that no worker can start; the reason."""
        assert self._failure is not None, "start() comes first"
        return await asyncio.shield(self._failure)

    async def close(self, force: bool = False) -> None:
        """Stop all workers, or kill them if `force`; returns when all are reaped.

        A process stuck in the kernel (uninterruptible sleep) is left behind.
        """
        self._closing = True
        if self._respawn is not None:
            self._respawn.cancel()
        for worker in self._workers:
            if force or worker.state is WorkerState.STARTING:
                worker.kill(ExitReason.SHUTDOWN, "shutdown")
            elif worker.state is not WorkerState.RETIRING:
                worker.stop()
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._workers and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self._workers:
            log.error(
                "left behind, did not end: workers %s", [worker.pid for worker in self._workers]
            )
        self._senders.shutdown(wait=False)

    def workers(self) -> Sequence[WorkerProcess]:
        """All processes that are not yet reaped."""
        return tuple(self._workers)

    def idle_worker(self) -> WorkerProcess | None:
        """An idle worker: the most recently used one, whose caches are warm.

        If all may be in their idle trim, it is the one that has been idle longest: its trim is
        over.
        """
        ready = [worker for worker in self._workers if worker.state is WorkerState.READY]
        trim_started = time.monotonic() - IDLE_TRIM_SECONDS
        recent = [worker for worker in ready if worker.life.idle_since > trim_started]
        if recent:
            return max(recent, key=lambda worker: worker.life.idle_since)
        return min(ready, key=lambda worker: worker.life.idle_since, default=None)

    def may_sacrifice(self, worker: WorkerProcess, busy_seconds: float) -> bool:
        """Whether to kill a worker to stop its task, at the cost of starting another.

        Only if the task has run for longer than a worker takes to start, and at most once per
        worker in SACRIFICE_SECONDS: clients that cancel must not keep the pool busy starting
        workers.
        """
        now, last = time.monotonic(), self._sacrifices
        if busy_seconds < (worker.life.start_seconds or 0.0):
            return False
        if len(last) == last.maxlen and now - last[0] < SACRIFICE_SECONDS:
            return False
        last.append(now)
        return True

    def warm(self) -> int:
        """The number of workers that take tasks, now or after their current one."""
        states = (WorkerState.READY, WorkerState.BUSY)
        return sum(worker.state in states for worker in self._workers)

    def on_reply(self, process: WorkerProcess, reply: Reply) -> None:
        """See WorkerListener."""
        if isinstance(reply, LoadFailed):
            self._give_up(reply.message)
        elif isinstance(reply, Ready):
            self._on_ready(process, reply)
        elif isinstance(reply, Begun):
            self._listener.on_task_begun(process, reply.task_id)
        else:
            self._on_task_reply(process, reply)

    def on_exit(self, process: WorkerProcess, ended: WorkerExit) -> None:
        """See WorkerListener."""
        self._workers.remove(process)
        if not self._closing:
            self._account(process, ended)
        self._listener.on_worker_lost(process, ended)
        if not self._closing:
            self._fill()

    def _account(self, process: WorkerProcess, ended: WorkerExit) -> None:
        """Count and log an exit: as recycled only if the worker left on request."""
        recycled = process.life.recycle_reason
        if recycled is not None and ended.reason is ExitReason.LEFT:
            self.restarts[recycled.label] += 1
            log.info("worker %d left: %s: %s", process.pid or 0, recycled.label, recycled.detail)
            return
        self.restarts[ended.label] += 1
        log.warning("worker %d lost: %s", process.pid or 0, ended.detail)
        if not process.life.was_ready:
            self._failed_rounds.add(process.life.spawn_round)
            if self.info is None and len(self._failed_rounds) >= MAX_FIRST_STARTS:
                reason = f"no worker could start in {MAX_FIRST_STARTS} attempts: {ended.detail}"
                self._give_up(reason)

    def _fill(self) -> None:
        """Spawn missing workers, with exponential backoff while starts fail."""
        if self._closing or self._respawn is not None or self._missing() <= 0:
            return
        if self._failed_rounds:
            backoff = min(2.0 ** min(len(self._failed_rounds) - 1, 10), MAX_BACKOFF_SECONDS)
            self._respawn = asyncio.get_running_loop().call_later(backoff, self._spawn_missing)
        else:
            self._spawn_missing()

    def _spawn_missing(self) -> None:
        self._respawn = None
        self._spawn_round += 1
        for _ in range(self._missing()):
            worker = WorkerProcess(
                self.spec.worker, self, self._senders, self._task_limit(), self._spawn_round
            )
            self._workers.append(worker)
            worker.start()
            asyncio.get_running_loop().call_later(
                self.spec.start_seconds, self._check_started, worker
            )

    def _missing(self) -> int:
        """How many to spawn; workers due to leave do not count, as replacements start first."""
        return self.spec.number - sum(worker.life.lasting for worker in self._workers)

    def _check_started(self, worker: WorkerProcess) -> None:
        if worker.state is WorkerState.STARTING:
            detail = f"not ready within {self.spec.start_seconds:g} s"
            worker.abort(ExitReason.NOT_STARTED, detail)

    def _on_ready(self, worker: WorkerProcess, ready: Ready) -> None:
        if worker.state is not WorkerState.STARTING:
            return
        self.info = ready.info
        self._failed_rounds.clear()
        worker.became_ready(ready.rss_mb)
        log.info(
            "worker %d ready after %.1f s (%d MiB)",
            worker.pid or 0,
            worker.life.start_seconds,
            ready.rss_mb,
        )
        self._retire_one()
        self._listener.on_idle()

    def _on_task_reply(self, worker: WorkerProcess, reply: TaskReply) -> None:
        if not worker.life.expects_answer:
            worker.kill(ExitReason.PROTOCOL_ERROR, "answered without a task")
            return
        worker.answered(reply.rss_mb)
        if isinstance(reply, Failed) and reply.leaving:
            worker.recycle(WorkerExit(ExitReason.OUT_OF_MEMORY, "ran out of memory on an image"))
            worker.let_leave()
            self._fill()
        elif worker.state is WorkerState.RETIRING:
            worker.stop()
        self._check_recycling(worker)
        self._listener.on_task_reply(worker, reply)
        self._listener.on_idle()

    def _check_recycling(self, worker: WorkerProcess) -> None:
        """Recycle a worker that has reached its task limit or its memory limit."""
        life = worker.life
        if not life.lasting or self._closing:
            return
        if life.reached_task_limit:
            detail = f"read {life.tasks_done} images"
        elif life.rss_mb > self.spec.max_rss_mb:
            detail = f"grew to {life.rss_mb} MiB"
        else:
            return
        worker.recycle(WorkerExit(ExitReason.RECYCLED, detail))
        self._fill()

    def _retire_one(self) -> None:
        """Let the oldest worker that is due for recycling leave: its replacement is warm."""
        for worker in self._workers:
            if worker.life.recycle_reason is None:
                continue
            if worker.state is WorkerState.READY:
                worker.stop()
                return
            if worker.state is WorkerState.BUSY:
                worker.retire()
                return

    def _task_limit(self) -> int:
        """How many images a new worker may read; 0: no limit."""
        if not self.spec.max_tasks:
            return 0
        spread = 1 + self._random.uniform(-RECYCLE_SPREAD, RECYCLE_SPREAD)
        return max(1, round(self.spec.max_tasks * spread))

    def _give_up(self, reason: str) -> None:
        if self._failure is not None and not self._failure.done() and self.info is None:
            self._failure.set_result(reason)
