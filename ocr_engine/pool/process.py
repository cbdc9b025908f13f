"""One worker process and its channel, as the parent sees them.

A thread per worker starts the process, reads its replies and reaps it; the events reach the
event loop through call_soon_threadsafe. The thread lives as long as the process, because Linux
ends a child with the thread that made it (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Executor
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

from ocr_engine.engine import WorkerState, WorkerStats
from ocr_engine.memory import memory_limit_mb, oom_kills, rss_mb
from ocr_engine.pool.exits import ExitReason, WorkerExit, worker_exit
from ocr_engine.pool.life import WorkerLife
from ocr_engine.worker.messages import (
    MAX_REPLY_BYTES,
    GarbageMessage,
    Reply,
    Request,
    Stop,
    Task,
    decode_reply,
    encode_request,
)
from ocr_engine.worker.spec import WorkerSpec, run_worker, thread_environment

ABORT_SECONDS = 0.5
LEAVE_SECONDS = 3.0
SAMPLE_SECONDS = 0.5  # how often the memory of a busy worker is looked at
NEAR_LIMIT = 0.8  # of the memory that a worker may use: who kills it then does so for its memory


class WorkerListener(Protocol):
    """Who is told of a worker's events, on the event loop."""

    def on_reply(self, process: WorkerProcess, reply: Reply) -> None:
        """A message came."""

    def on_exit(self, process: WorkerProcess, ended: WorkerExit) -> None:
        """The process is gone and reaped, or could not be started."""


class WorkerProcess:
    """A worker; what happens to it goes through these methods, on the event loop only.

    task_limit, spawn_round: see WorkerLife.
    """

    _numbers = itertools.count(1)

    def __init__(
        self,
        spec: WorkerSpec,
        listener: WorkerListener,
        senders: Executor,
        task_limit: int = 0,
        spawn_round: int = 0,
    ) -> None:
        self.number = next(self._numbers)
        self.pid: int | None = None
        self._life = WorkerLife(time.monotonic(), task_limit, spawn_round)
        self._spec = spec
        self._listener = listener
        self._senders = senders
        self._loop = asyncio.get_running_loop()
        self._channel: connection.Connection | None = None
        self._channel_lock = threading.Lock()
        self._oom_kills = 0  # when it was given its task
        self._sampling: asyncio.TimerHandle | None = None

    @property
    def life(self) -> WorkerLife:
        """Its state and counters now."""
        return self._life

    @property
    def state(self) -> WorkerState:
        """Where it is in its life."""
        return self._life.state

    def start(self) -> None:
        """Spawn the process; on_reply(Ready) or on_exit follows."""
        atexit.register(self._kill_at_exit)
        attend = threading.Thread(target=self._attend, name=f"worker-{self.number}", daemon=True)
        try:
            attend.start()
        except RuntimeError as error:  # no more threads are to be had
            self._post(self._exited, _not_started(error))

    def stats(self) -> WorkerStats:
        """What there is to say of it."""
        return WorkerStats(
            pid=self.pid,
            state=self.state,
            tasks_done=self._life.tasks_done,
            rss_mb=self._life.rss_mb,
            uptime_seconds=time.monotonic() - self._life.started_at,
            start_seconds=self._life.start_seconds,
        )

    def became_ready(self, rss_mb: int) -> None:
        """It has said that it is warm."""
        self._life = self._life.became_ready(time.monotonic(), rss_mb)

    def assign(self, task: Task) -> None:
        """Give it a task: it is busy until it answers."""
        self._life = self._life.assigned()
        self._oom_kills = oom_kills()
        self._sample_later()
        self.send(task)

    def answered(self, rss_mb: int) -> None:
        """It has answered its task."""
        self._life = self._life.answered(time.monotonic(), rss_mb)

    def recycle(self, reason: WorkerExit) -> None:
        """It is to leave for this reason once its replacement is warm."""
        self._life = self._life.to_be_recycled(reason)

    def retire(self) -> None:
        """It gets no more tasks; it is stopped when it has answered the one that it has."""
        self._life = self._life.retiring()

    def send(self, request: Request) -> None:
        """Send without blocking the loop; a channel that broke is reported by on_exit."""
        with contextlib.suppress(RuntimeError):  # no new thread: one that is there will send it
            self._senders.submit(self._send, request)

    def stop(self) -> None:
        """Ask the worker to leave; kill it if it does not."""
        self.send(Stop())
        self.let_leave()

    def let_leave(self) -> None:
        """It gets no more tasks and leaves; kill it if it does not."""
        self.retire()
        late = self._life.overstayed()
        self._loop.call_later(LEAVE_SECONDS, self.kill, late.reason, late.detail)

    def abort(self, reason: ExitReason, detail: str) -> None:
        """SIGABRT for a trace of where it hangs, then SIGKILL."""
        self._condemn(reason, detail)
        self._signal(signal.SIGABRT)
        self._loop.call_later(ABORT_SECONDS, self.kill, reason, detail)

    def kill(self, reason: ExitReason, detail: str) -> None:
        """SIGKILL; nothing happens to a process that is gone."""
        self._condemn(reason, detail)
        self._signal(signal.SIGKILL)

    def _condemn(self, reason: ExitReason, detail: str) -> None:
        """Its end has this reason; a timer may find it dead already."""
        if self.state is not WorkerState.DEAD:
            self._life = self._life.killed(WorkerExit(reason, detail))

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self.state is not WorkerState.DEAD:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _send(self, request: Request) -> None:
        """Write to the channel; under a lock, so that its descriptor is not closed and reused.

        A write that waits for a worker that does not read ends with the worker.
        """
        with self._channel_lock, contextlib.suppress(OSError):
            if self._channel is not None:
                self._channel.send_bytes(encode_request(request))

    def _attend(self) -> None:
        """The thread of this worker; whatever ends it, on_exit follows."""
        ended = WorkerExit(ExitReason.NOT_STARTED, "lost by its thread")
        try:
            process, channel = self._start_process()
        except Exception as error:  # mostly OSError: no descriptor, no process, no memory
            ended = _not_started(error)
        else:
            ended = self._read_until_exit(process, channel)
        finally:
            self._post(self._exited, ended)

    def _start_process(self) -> tuple[SpawnProcess, connection.Connection]:
        """The process, and our end of its channel."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        try:
            process = context.Process(
                target=run_worker,
                args=(theirs, self._spec),
                name=f"ocr-worker-{self.number}",
                daemon=True,
            )
            with _spawning:
                os.environ.update(thread_environment(self._spec.threads))
                process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return process, ours

    def _read_until_exit(self, process: SpawnProcess, channel: connection.Connection) -> WorkerExit:
        """Hand on what the process sends, then reap it."""
        self._channel, self.pid = channel, process.pid
        if self._life.killed_for is not None:  # told to die before there was a process
            process.kill()
        problem = self._read(channel)
        if problem is not None:
            process.kill()
        code = _reap(process)
        with self._channel_lock:
            self._channel = None
            channel.close()
        ended = worker_exit(code, self._out_of_memory())
        if problem is None:
            return ended
        return WorkerExit(ExitReason.PROTOCOL_ERROR, f"{problem}, {ended.detail}", own_doing=True)

    def _out_of_memory(self) -> bool:
        """Whether memory ran out, or this worker had most of what it may use, during its task."""
        limit = min(memory_limit_mb(), self._spec.task_memory_mb or memory_limit_mb())
        return oom_kills() > self._oom_kills or self._life.rss_mb >= NEAR_LIMIT * limit

    def _sample_later(self) -> None:
        if self._sampling is None:
            self._sampling = self._loop.call_later(SAMPLE_SECONDS, self._sample_memory)

    def _sample_memory(self) -> None:
        """Note the memory of a worker that is busy for long: afterwards nobody can tell it."""
        self._sampling = None
        if self.state is WorkerState.BUSY and self.pid is not None:
            with contextlib.suppress(OSError):
                resident = rss_mb(self.pid)
                if resident:  # a zombie has none
                    self._life = self._life.measured(resident)
            self._sample_later()

    def _read(self, channel: connection.Connection) -> str | None:
        """Hand on replies until the channel closes; the text of what was wrong with it."""
        while True:
            try:
                reply = decode_reply(channel.recv_bytes(MAX_REPLY_BYTES))
            except (EOFError, ConnectionResetError):
                return None
            except OSError as error:
                if error.errno is None and "end of file" in str(error):
                    return None  # it died while it wrote
                return f"channel broken ({error})"
            except GarbageMessage as error:
                return f"sent garbage ({error})"
            self._post(self._listener.on_reply, self, reply)

    def _kill_at_exit(self) -> None:
        """The parent leaves without having closed the pool; multiprocessing would wait for us."""
        self._signal(signal.SIGKILL)

    def _exited(self, ended: WorkerExit) -> None:
        atexit.unregister(self._kill_at_exit)
        self._life = self._life.ended()
        self._listener.on_exit(self, self._life.killed_for or ended)

    def _post(self, callback: object, *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback, *args)  # type: ignore[arg-type]


_spawning = threading.Lock()


def _not_started(error: Exception) -> WorkerExit:
    return WorkerExit(ExitReason.NOT_STARTED, f"could not be started ({error})")


def _reap(process: SpawnProcess) -> int:
    """Wait for a process whose channel is closed, kill it if it lingers; its exit code."""
    process.join(LEAVE_SECONDS)
    if process.is_alive():
        process.kill()
    while process.exitcode is None:
        process.join(0.1)
    code = process.exitcode
    process.close()
    return code
