"""The deadlines of the images that workers read: to begin, to finish, and to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.pool.task import PoolTask

BEGIN_SECONDS = 10.0  # for a worker to acknowledge its task
STOP_SECONDS = 0.5  # for a worker to stop at the deadline, before it is killed


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Aborts workers that miss a deadline; used from the event loop.

    running: the task of each worker. task_seconds: limit of a recognition. retry: called with a
    task whose worker never began it. overdue: called with a task that has passed its deadline.
    replace: called after an abort.
    """

    running: dict[WorkerProcess, PoolTask]
    task_seconds: float
    retry: Callable[[PoolTask, WorkerExit], None]
    overdue: Callable[[PoolTask], None]
    replace: Callable[[], None]

    def sent(self, task: PoolTask, worker: WorkerProcess, load_seconds: float = 0.0) -> None:
        """The task was sent to the worker, which may first load models for so many seconds."""
        task.set_timer(BEGIN_SECONDS + load_seconds, self._not_begun, task, worker)

    def begun(self, task: PoolTask, worker: WorkerProcess) -> None:
        """The worker has begun the task."""
        task.set_timer(self.task_seconds, self._overdue, task, worker)

    def _not_begun(self, task: PoolTask, worker: WorkerProcess) -> None:
        """Abort a frozen worker that never read its task, and retry the task."""
        if self.running.get(worker) is task:
            del self.running[worker]
            stuck = WorkerExit(ExitReason.STUCK, "did not begin its task")
            worker.abort(stuck.reason, stuck.detail)
            self.retry(task, stuck)
            self.replace()

    def _overdue(self, task: PoolTask, worker: WorkerProcess) -> None:
        """Fail the task at its deadline; a worker that then stops between two lines survives."""
        if self.running.get(worker) is task:
            self.overdue(task)
            task.finish(task.took_too_long(self.task_seconds))
            task.set_timer(STOP_SECONDS, self._not_stopped, task, worker)

    def _not_stopped(self, task: PoolTask, worker: WorkerProcess) -> None:
        if self.running.get(worker) is task:
            del self.running[worker]
            worker.abort(ExitReason.DEADLINE, "deadline passed")
            self.replace()
