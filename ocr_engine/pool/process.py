"""One worker process and its channel, as the parent sees them.

A thread per worker starts the process, reads its replies and reaps it; the events reach the
event loop through call_soon_threadsafe. The thread lives as long as the process, because Linux
ends a child with the thread that made it (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import enum
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

from ocr_engine.pool import worker
from ocr_engine.pool.messages import (
    MAX_REPLY_BYTES,
    GarbageMessage,
    Reply,
    Request,
    Stop,
    decode_reply,
    encode_request,
)
from ocr_engine.pool.worker import WorkerSpec

LEFT = "exit status 0"
ABORT_SECONDS = 0.5
LEAVE_SECONDS = 3.0


class WorkerState(enum.Enum):
    """The life of a worker, in this order; retiring ones finish what they have."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    RETIRING = "retiring"
    DEAD = "dead"


class WorkerListener(Protocol):
    """Who is told of a worker's events, on the event loop."""

    def on_reply(self, process: WorkerProcess, reply: Reply) -> None:
        """A message came."""

    def on_exit(self, process: WorkerProcess, reason: str) -> None:
        """The process is gone and reaped."""


class WorkerProcess:
    """A worker with its state and counters; used from the event loop only."""

    _numbers = itertools.count(1)

    def __init__(self, spec: WorkerSpec, listener: WorkerListener, senders: Executor) -> None:
        self.number = next(self._numbers)
        self.state = WorkerState.STARTING
        self.pid: int | None = None
        self.tasks_done = 0
        self.task_limit = 0  # set when it is ready
        self.rss_mb = 0
        self.worn: str | None = None
        self.spawn_round = 0
        self.started_at = time.monotonic()
        self.idle_since = self.started_at  # set when it is ready and when it has answered
        self.start_seconds: float | None = None  # from its start until it was warm
        self._spec = spec
        self._listener = listener
        self._senders = senders
        self._loop = asyncio.get_running_loop()
        self._channel: connection.Connection | None = None
        self._channel_lock = threading.Lock()
        self._kill_reason: str | None = None

    def start(self) -> None:
        """Spawn the process; on_reply(Ready) or on_exit follows."""
        atexit.register(self._kill_at_exit)
        threading.Thread(target=self._attend, name=f"worker-{self.number}", daemon=True).start()

    def send(self, request: Request) -> None:
        """Send without blocking the loop; a channel that broke is reported by on_exit."""
        self._senders.submit(self._send, request)

    def stop(self) -> None:
        """Ask the worker to leave; kill it if it does not."""
        self.send(Stop())
        self.let_leave()

    def let_leave(self) -> None:
        """It gets no more tasks and leaves; kill it if it does not."""
        self.state = WorkerState.RETIRING
        self._loop.call_later(LEAVE_SECONDS, self.kill, "did not leave when asked to")

    def abort(self, reason: str) -> None:
        """SIGABRT for a trace of where it hangs, then SIGKILL."""
        self._doom(reason)
        self._signal(signal.SIGABRT)
        self._loop.call_later(ABORT_SECONDS, self.kill, reason)

    def kill(self, reason: str) -> None:
        """SIGKILL; nothing happens to a process that is gone."""
        self._doom(reason)
        self._signal(signal.SIGKILL)

    def _doom(self, reason: str) -> None:
        """From now on it gets no task, and its end has this reason."""
        if self.state is not WorkerState.DEAD:
            self.state = WorkerState.RETIRING
            self._kill_reason = self._kill_reason or reason

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self.state is not WorkerState.DEAD:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _send(self, request: Request) -> None:
        """Write to the channel; under a lock, lest its descriptor be closed and used anew.

        A write that waits for a worker that does not read ends with the worker.
        """
        with self._channel_lock, contextlib.suppress(OSError):
            if self._channel is not None:
                self._channel.send_bytes(encode_request(request))

    def _attend(self) -> None:
        """The thread of this worker: start, read until the end, reap."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=worker.main,
            args=(theirs, self._spec),
            name=f"ocr-worker-{self.number}",
            daemon=True,
        )
        try:
            with _spawning:
                os.environ.update(worker.thread_environment(self._spec.threads))
                process.start()
        except OSError as error:
            self._post(self._exited, f"could not be started ({error})")
            return
        finally:
            theirs.close()
        self._channel, self.pid = ours, process.pid
        if self._kill_reason is not None:  # told to die before there was a process
            process.kill()
        problem = self._read(ours)
        if problem is not None:
            process.kill()
        reason = _reap(process) if problem is None else f"{problem}, {_reap(process)}"
        with self._channel_lock:
            self._channel = None
            ours.close()
        self._post(self._exited, reason)

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

    def _exited(self, reason: str) -> None:
        atexit.unregister(self._kill_at_exit)
        self.state = WorkerState.DEAD
        self._listener.on_exit(self, self._kill_reason or reason)

    def _post(self, callback: object, *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback, *args)  # type: ignore[arg-type]


_spawning = threading.Lock()


def _reap(process: SpawnProcess) -> str:
    """Wait for a process whose channel is closed, kill it if it lingers, and say how it ended."""
    process.join(LEAVE_SECONDS)
    if process.is_alive():
        process.kill()
    while process.exitcode is None:
        process.join(0.1)
    code = process.exitcode
    process.close()
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
