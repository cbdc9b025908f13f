"""One worker process and its channel, as the parent sees them.

A thread per worker starts the process, reads its replies and reaps it; events reach the event
loop through call_soon_threadsafe. The thread lives as long as the process, because Linux kills a
child when the thread that created it exits (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import signal
import threading
import time
from concurrent.futures import Executor
from multiprocessing import connection
from multiprocessing.context import SpawnProcess

from ocr_engine.cpu_time import cpu_seconds
from ocr_engine.descriptors import send_descriptor
from ocr_engine.engine import WorkerState, WorkerStats
from ocr_engine.framing import ProtocolError
from ocr_engine.memory import memory_limit_mb, oom_kills, rss_mb
from ocr_engine.pool.exits import ExitReason, WorkerExit, not_started, reap, worker_exit
from ocr_engine.pool.life import WorkerLife
from ocr_engine.pool.listeners import WorkerListener
from ocr_engine.pool.spawning import spawn
from ocr_engine.worker.messages import (
    MAX_REPLY_BYTES,
    Request,
    Stop,
    Task,
    decode_reply,
    descriptor_after,
    encode_request,
)
from ocr_engine.worker.spec import WorkerSpec

ABORT_SECONDS = 0.5
LEAVE_SECONDS = 3.0
SAMPLE_SECONDS = 0.5  # between measurements of a busy worker's memory
NEAR_LIMIT = 0.8  # of the memory a worker may use: a SIGKILL above it is taken for out of memory


class WorkerProcess:
    """One worker; all changes go through these methods, on the event loop only.

    task_limit, spawn_round, spare: see WorkerLife.
    """

    _numbers = itertools.count(1)

    def __init__(
        self,
        spec: WorkerSpec,
        listener: WorkerListener,
        senders: Executor,
        task_limit: int = 0,
        spawn_round: int = 0,
        spare: bool = False,
    ) -> None:
        self.number = next(self._numbers)
        self.pid: int | None = None
        self._life = WorkerLife(time.monotonic(), task_limit, spawn_round, spare)
        self.spec = spec
        self._listener = listener
        self._senders = senders
        self._loop = asyncio.get_running_loop()
        self._channel: connection.Connection | None = None
        self._channel_lock = threading.Lock()
        self._oom_kills = 0  # when its task was assigned
        self._cpu_seconds = 0.0  # at that time, too
        self._sampling: asyncio.TimerHandle | None = None

    @property
    def life(self) -> WorkerLife:
        """The current state and counters."""
        return self._life

    @property
    def state(self) -> WorkerState:
        """The current state."""
        return self._life.state

    def has_loaded(self, models: str) -> bool:
        """Whether the model set with this name is in its memory."""
        return self.spec.models.find(models).name in self._life.loaded

    def hand_over(self, listener: WorkerListener) -> None:
        """Tell another listener from now on."""
        self._listener = listener

    def start(self) -> None:
        """Spawn the process; on_reply(Ready) or on_exit follows."""
        atexit.register(self._kill_at_exit)
        attend = threading.Thread(target=self._attend, name=f"worker-{self.number}", daemon=True)
        try:
            attend.start()
        except RuntimeError as error:  # no more threads are available
            self._post(self._exited, not_started(error))

    def stats(self) -> WorkerStats:
        """Figures for metrics and /healthz."""
        return WorkerStats(
            pid=self.pid,
            state=self.state,
            tasks_done=self._life.tasks_done,
            rss_mb=self._life.rss_mb,
            uptime_seconds=time.monotonic() - self._life.started_at,
            start_seconds=self._life.start_seconds,
            models=self._life.loaded,
        )

    def became_ready(self, rss_mb: int) -> None:
        """The worker reported that it is warm."""
        self._life = self._life.became_ready(
            time.monotonic(), rss_mb, self.spec.models.default.name
        )

    def promote(self) -> None:
        """Give the spare a place; it gets tasks."""
        self._life = self._life.promoted(time.monotonic())

    def demote(self) -> None:
        """Turn a worker that is still being loaded into a spare."""
        self._life = self._life.demoted()

    def assign(self, task: Task, counts: bool = True) -> None:
        """Send a task; the worker is busy until it answers. counts: see WorkerLife."""
        models = self.spec.models.find(task.options.models).name
        self._life = self._life.assigned(counts, models)
        self._oom_kills = oom_kills()
        self._cpu_seconds = cpu_seconds(self.pid)
        self._sample_later()
        self.send(task)

    def could_not_load(self) -> None:
        """The models of its task could not be loaded."""
        self._life = self._life.not_loaded()

    def task_cpu_seconds(self) -> float:
        """The CPU time used since its task was assigned."""
        return cpu_seconds(self.pid) - self._cpu_seconds

    def answered(self, rss_mb: int) -> None:
        """The worker answered its task."""
        self._life = self._life.answered(time.monotonic(), rss_mb)

    def recycle(self, reason: WorkerExit) -> None:
        """Have the worker leave, for this reason, once its replacement is warm."""
        self._life = self._life.to_be_recycled(reason)

    def retire(self) -> None:
        """Assign no more tasks; the worker is stopped when it has answered its current one."""
        self._life = self._life.retiring()

    def send(self, request: Request) -> None:
        """Send without blocking the loop; on_exit reports a broken channel."""
        with contextlib.suppress(RuntimeError):  # no new thread: an existing one will send it
            self._senders.submit(self._send, request)

    def stop(self) -> None:
        """Ask the worker to leave; kill it if it does not."""
        self.send(Stop())
        self.let_leave()

    def let_leave(self) -> None:
        """Assign no more tasks; kill the worker if it does not leave."""
        self.retire()
        stuck = self._life.stuck_exit()
        self._loop.call_later(LEAVE_SECONDS, self.kill, stuck.reason, stuck.detail)

    def abort(self, reason: ExitReason, detail: str) -> None:
        """Send SIGABRT, so that the worker logs where it hangs, and then SIGKILL."""
        self._mark_killed(reason, detail)
        self._signal(signal.SIGABRT)
        self._loop.call_later(ABORT_SECONDS, self.kill, reason, detail)

    def kill(self, reason: ExitReason, detail: str) -> None:
        """Send SIGKILL; does nothing if the process has ended."""
        self._mark_killed(reason, detail)
        self._signal(signal.SIGKILL)

    def _mark_killed(self, reason: ExitReason, detail: str) -> None:
        """Record why the worker is killed; a timer may fire when it is already dead."""
        if self.state is not WorkerState.DEAD:
            self._life = self._life.killed(WorkerExit(reason, detail))

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self.state is not WorkerState.DEAD:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _send(self, request: Request) -> None:
        """Write to the channel; the lock keeps the descriptor from being closed and reused.

        A write blocks while the worker does not read, at most until the worker ends.
        """
        with self._channel_lock, contextlib.suppress(OSError):
            if self._channel is not None:
                self._channel.send_bytes(encode_request(request))
                descriptor = descriptor_after(request)
                if descriptor is not None:
                    send_descriptor(self._channel, descriptor)

    def _attend(self) -> None:
        """Body of this worker's thread; on_exit always follows."""
        ended = WorkerExit(ExitReason.NOT_STARTED, "lost by its thread")
        try:
            process, channel = spawn(self.spec, f"ocr-worker-{self.number}")
        except Exception as error:  # mostly OSError: no descriptor, no process, no memory
            ended = not_started(error)
        else:
            ended = self._read_until_exit(process, channel)
        finally:
            self._post(self._exited, ended)

    def _read_until_exit(self, process: SpawnProcess, channel: connection.Connection) -> WorkerExit:
        """Forward replies until the channel closes, then reap the process."""
        self._channel, self.pid = channel, process.pid
        if self._life.killed_for is not None:  # killed before there was a process
            process.kill()
        problem = self._read(channel)
        if problem is not None:
            process.kill()
        code = reap(process, LEAVE_SECONDS)
        with self._channel_lock:
            self._channel = None
            channel.close()
        ended = worker_exit(code, self._out_of_memory())
        if problem is None:
            return ended
        return WorkerExit(
            ExitReason.PROTOCOL_ERROR, f"{problem}, {ended.detail}", self_inflicted=True
        )

    def _out_of_memory(self) -> bool:
        """Whether memory ran out during the task, or the worker was near its memory limit."""
        limit = min(memory_limit_mb(), self.spec.task_memory_mb or memory_limit_mb())
        return oom_kills() > self._oom_kills or self._life.rss_mb >= NEAR_LIMIT * limit

    def _sample_later(self) -> None:
        if self._sampling is None:
            self._sampling = self._loop.call_later(SAMPLE_SECONDS, self._sample_memory)

    def _sample_memory(self) -> None:
        """Record the memory of a busy worker, because it cannot be measured after its death."""
        self._sampling = None
        if self.state is WorkerState.BUSY and self.pid is not None:
            with contextlib.suppress(OSError):
                resident = rss_mb(self.pid)
                if resident:  # a zombie has none
                    self._life = self._life.measured(resident)
            self._sample_later()

    def _read(self, channel: connection.Connection) -> str | None:
        """Forward replies until the channel closes; returns what broke the channel, or None."""
        while True:
            try:
                reply = decode_reply(channel.recv_bytes(MAX_REPLY_BYTES))
            except (EOFError, ConnectionResetError):
                return None
            except OSError as error:
                if error.errno is None and "end of file" in str(error):
                    return None  # it died while writing
                return f"channel broken ({error})"
            except ProtocolError as error:
                return f"sent a malformed message ({error})"
            self._post(self._listener.on_reply, self, reply)

    def _kill_at_exit(self) -> None:
        """Kill the worker if the parent exits without close(): multiprocessing waits for it."""
        self._signal(signal.SIGKILL)

    def _exited(self, ended: WorkerExit) -> None:
        atexit.unregister(self._kill_at_exit)
        self._life = self._life.ended()
        self._listener.on_exit(self, self._life.killed_for or ended)

    def _post(self, callback: object, *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(callback, *args)  # type: ignore[arg-type]
