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
from dataclasses import replace

from ocr_engine.engine import StartTimes, WorkerState
from ocr_engine.pool.choice import idle_worker
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.listeners import SupervisorListener, TaskReply, WorkerListener
from ocr_engine.pool.places import Places
from ocr_engine.pool.process import LEAVE_SECONDS, WorkerProcess
from ocr_engine.pool.spec import SupervisorSpec
from ocr_engine.recognizer import EngineInfo
from ocr_engine.worker.messages import Begun, Failed, LoadFailed, Ready, Reply, Saved
from ocr_engine.worker.spec import WorkerSpec

log = logging.getLogger(__name__)

RECYCLE_SPREAD = 0.2
MAX_FIRST_STARTS = 5
CLOSE_SECONDS = 2 * LEAVE_SECONDS  # before giving up on a worker that survives even SIGKILL
_SERVING = (WorkerState.READY, WorkerState.BUSY)
_NEW_MODELS = WorkerExit(ExitReason.NEW_MODELS, "has other models than new workers")


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

    def idle_worker(self, models: str | None = None) -> WorkerProcess | None:
        """An idle worker, if possible with this model set in its memory; see choice.py."""
        return idle_worker(self._workers, models)

    def warm(self) -> int:
        """The number of workers that take tasks, now or after their current one."""
        return sum(worker.state in _SERVING for worker in self._workers)

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
        self._recycle_outdated()
        self.use_spares()
        self._places.fill()
        if self.warm() >= self.spec.number:
            self._spare_places.fill()

    def on_reply(self, process: WorkerProcess, reply: Reply) -> None:
        """See WorkerListener."""
        if isinstance(reply, LoadFailed):
            log.error("a worker cannot load its models: %s", reply.message)
            self._give_up(reply.message)
        elif isinstance(reply, Ready):
            self._on_ready(process, reply)
        elif isinstance(reply, Begun | Saved):
            self._listener.on_task_progress(process, reply)
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
        self._workers.append(self.start_worker(spec, self, spawn_round, spare))

    def start_worker(
        self, spec: WorkerSpec, listener: WorkerListener, spawn_round: int = 0, spare: bool = False
    ) -> WorkerProcess:
        """Start a process, which is aborted if it does not become warm in time."""
        limit = self._task_limit()
        worker = WorkerProcess(spec, listener, self._senders, limit, spawn_round, spare)
        worker.start()
        asyncio.get_running_loop().call_later(self.spec.start_seconds, self._check_started, worker)
        return worker

    def adopt(self, worker: WorkerProcess, ready: Ready) -> None:
        """Add a worker that has just become warm; all workers get its models from now on.

        The others are recycled, one after the other.
        """
        log.info("new models: %s; %d workers follow", ready.info.models, self.warm())
        models = worker.spec.models
        self.spec = replace(self.spec, worker=replace(self.spec.worker, models=models))
        self._workers.append(worker)
        self._recycle_outdated()
        self._on_ready(worker, ready)

    def outdated(self) -> int:
        """The number of workers and spares that are to be replaced, as they have other models."""
        leaving = (WorkerState.RETIRING, WorkerState.DEAD)
        return sum(self._is_outdated(each) for each in self._workers if each.state not in leaving)

    def _is_outdated(self, worker: WorkerProcess) -> bool:
        return worker.spec.models is not self.spec.worker.models

    def _recycle_outdated(self) -> None:
        """Recycle a worker with other models, unless one is being replaced; stop such spares."""
        outdated = [each for each in self._workers if self._is_outdated(each)]
        for spare in (each for each in outdated if each.state is WorkerState.SPARE):
            spare.recycle(_NEW_MODELS)
            spare.stop()
        serving = [each for each in self._workers if each.state in _SERVING]
        replaced = next((each for each in serving if self._is_outdated(each)), None)
        if replaced is not None and all(each.life.recycle_reason is None for each in serving):
            replaced.recycle(_NEW_MODELS)

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
        if not self._is_outdated(worker):
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
