"""Keeps the configured number of workers warm: spawns, monitors, replaces and recycles them."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from ocr_engine.engine import StartTimes, WorkerState
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.places import Places
from ocr_engine.pool.process import LEAVE_SECONDS, WorkerProcess
from ocr_engine.recognizer import EngineInfo
from ocr_engine.worker.messages import Begun, Done, Failed, LoadFailed, Ready, Reply
from ocr_engine.worker.spec import IDLE_TRIM_SECONDS, WorkerSpec

log = logging.getLogger(__name__)

RECYCLE_SPREAD = 0.2
MAX_FIRST_STARTS = 5
CLOSE_SECONDS = 2 * LEAVE_SECONDS  # before giving up on a worker that survives even SIGKILL

TaskReply = Done | Failed


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """How many workers there are, how each is set up, and when one is recycled.

    number: how many workers. max_tasks: images before a worker is recycled (±20 %), 0: no limit.
    max_rss_mb: memory above which it is recycled. start_seconds: limit for loading and warm-up.
    spares: how many more are kept warm to take the place of one that leaves.
    """

    number: int
    worker: WorkerSpec
    max_tasks: int = 1000
    max_rss_mb: int = 1500
    start_seconds: float = 120.0
    spares: int = 0


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
        self.starts = StartTimes()
        self.info: EngineInfo | None = None
        self._listener = listener
        self._random = randomness or random.Random()
        self._workers: list[WorkerProcess] = []
        senders = 2 * spec.number + spec.spares + 2
        self._senders = ThreadPoolExecutor(senders, thread_name_prefix="channel")
        rounds = itertools.count(1)
        spawn_spare = functools.partial(self._spawn, spare=True)
        self._places = Places(self._missing, self._spawn, rounds)
        self._spare_places = Places(self._missing_spares, spawn_spare, rounds)
        self._closing = False
        self._failure: asyncio.Future[str] | None = None

    def start(self) -> None:
        """Spawn the workers."""
        self._failure = asyncio.get_running_loop().create_future()
        self._fill()

    async def failure(self) -> str:
        """Wait until it is certain that no worker can start; returns the reason."""
        assert self._failure is not None, "start() comes first"
        return await asyncio.shield(self._failure)

    async def close(self, force: bool = False) -> None:
        """Stop all workers, or kill them if `force`; returns when all are reaped.

        A process stuck in the kernel (uninterruptible sleep) is left behind.
        """
        self._closing = True
        self._places.close()
        self._spare_places.close()
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

        If all have been idle for so long that they may be in an idle trim, it is the one that has
        been idle longest, because its trim is most likely over.
        """
        ready = [worker for worker in self._workers if worker.state is WorkerState.READY]
        trim_started = time.monotonic() - IDLE_TRIM_SECONDS
        recent = [worker for worker in ready if worker.life.idle_since > trim_started]
        if recent:
            return max(recent, key=lambda worker: worker.life.idle_since)
        return min(ready, key=lambda worker: worker.life.idle_since, default=None)

    def warm(self) -> int:
        """The number of workers that take tasks, now or after their current one."""
        states = (WorkerState.READY, WorkerState.BUSY)
        return sum(worker.state in states for worker in self._workers)

    def use_spares(self) -> None:
        """Give warm spares the places of workers that leave, are being killed, or still load.

        The worker that still loads becomes a spare, so that whichever is warm first gets tasks.
        """
        spares = [each for each in self._workers if each.state is WorkerState.SPARE]
        for spare in () if self._closing else spares:
            if self._missing() <= 0:
                loading = self._first_loading()
                if loading is None:
                    return
                loading.demote()
            log.info("spare %d takes the place of a worker", spare.pid or 0)
            spare.promote()
            self._retire_one()

    def _fill(self) -> None:
        """Use the spares, start missing workers, and then spares, which must not delay workers."""
        if self._closing:
            return
        self.use_spares()
        self._places.fill()
        if self.warm() >= self.spec.number:
            self._spare_places.fill()

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
        self._fill()
        self._listener.on_idle()

    def _account(self, process: WorkerProcess, ended: WorkerExit) -> None:
        """Count and log an exit; it counts as recycled only if the worker left on request."""
        recycled = process.life.recycle_reason
        if recycled is not None and ended.reason is ExitReason.LEFT:
            self.restarts[recycled.label] += 1
            log.info("worker %d left: %s: %s", process.pid or 0, recycled.label, recycled.detail)
            return
        self.restarts[ended.label] += 1
        log.warning("worker %d lost: %s", process.pid or 0, ended.detail)
        if not process.life.was_ready:
            places = self._spare_places if process.life.spare else self._places
            places.failed(process.life.spawn_round)
            if self.info is None and places.failures >= MAX_FIRST_STARTS:
                reason = f"no worker could start in {MAX_FIRST_STARTS} attempts: {ended.detail}"
                self._give_up(reason)

    def _spawn(self, spawn_round: int, spare: bool = False) -> None:
        spec = replace(self.spec.worker, background=spare and self.spec.worker.background)
        limit = self._task_limit()
        worker = WorkerProcess(spec, self, self._senders, limit, spawn_round, spare)
        self._workers.append(worker)
        worker.start()
        asyncio.get_running_loop().call_later(self.spec.start_seconds, self._check_started, worker)

    def _missing(self) -> int:
        """How many workers are missing; those due to leave do not count."""
        return self.spec.number - len(self._lasting(spare=False))

    def _missing_spares(self) -> int:
        return self.spec.spares - len(self._lasting(spare=True))

    def _lasting(self, spare: bool) -> list[WorkerProcess]:
        """The workers that stay, or the spares that do."""
        return [each for each in self._workers if each.life.lasting and each.life.spare is spare]

    def _first_loading(self) -> WorkerProcess | None:
        workers = self._lasting(spare=False)
        return next((each for each in workers if each.state is WorkerState.STARTING), None)

    def _check_started(self, worker: WorkerProcess) -> None:
        if worker.state is WorkerState.STARTING:
            worker.abort(ExitReason.NOT_STARTED, f"not ready within {self.spec.start_seconds:g} s")

    def _on_ready(self, worker: WorkerProcess, ready: Ready) -> None:
        if worker.state is not WorkerState.STARTING:
            return
        self.info = ready.info
        worker.became_ready(ready.rss_mb)
        spare, seconds = worker.life.spare, worker.life.start_seconds or 0.0
        self.starts = self.starts.plus(seconds)
        what = "spare" if spare else "worker"
        log.info("%s %d ready after %.1f s (%d MiB)", what, worker.pid or 0, seconds, ready.rss_mb)
        if spare:
            self._spare_places.started()
        else:
            self._places.started()
            self._retire_one()
        self._fill()
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
        for worker in (each for each in self._workers if each.life.recycle_reason is not None):
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
