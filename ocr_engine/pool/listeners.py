"""Who is told what happens to workers; all calls are made on the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ocr_engine.pool.exits import WorkerExit
from ocr_engine.worker.messages import Begun, Done, Failed, Reply, Saved

if TYPE_CHECKING:
    from ocr_engine.pool.process import WorkerProcess

TaskProgress = Begun | Saved
TaskReply = Done | Failed


class WorkerListener(Protocol):
    """Receives the events of one worker."""

    def on_reply(self, process: WorkerProcess, reply: Reply) -> None:
        """A message arrived."""

    def on_exit(self, process: WorkerProcess, ended: WorkerExit) -> None:
        """The process has ended and is reaped, or could not be started."""


class SupervisorListener(Protocol):
    """The user of the workers."""

    def on_idle(self) -> None:
        """A worker can take a task."""

    def on_task_progress(self, worker: WorkerProcess, progress: TaskProgress) -> None:
        """A worker has begun a task, or has done a part of it."""

    def on_task_reply(self, worker: WorkerProcess, reply: TaskReply) -> None:
        """A worker has finished a task."""

    def on_worker_lost(self, worker: WorkerProcess, ended: WorkerExit) -> None:
        """A worker has ended, and its task with it."""
