"""The worker's state machine, as the parent sees it: states and the transitions between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ocr_engine.engine import WorkerState
from ocr_engine.model_sets import MAX_LOADED_SETS
from ocr_engine.pool.exits import ExitReason, WorkerExit

TRANSITIONS: Mapping[WorkerState, frozenset[WorkerState]] = {
    WorkerState.STARTING: frozenset(
        {WorkerState.SPARE, WorkerState.READY, WorkerState.RETIRING, WorkerState.DEAD}
    ),
    WorkerState.SPARE: frozenset({WorkerState.READY, WorkerState.RETIRING, WorkerState.DEAD}),
    WorkerState.READY: frozenset({WorkerState.BUSY, WorkerState.RETIRING, WorkerState.DEAD}),
    WorkerState.BUSY: frozenset({WorkerState.READY, WorkerState.RETIRING, WorkerState.DEAD}),
    WorkerState.RETIRING: frozenset({WorkerState.DEAD}),
    WorkerState.DEAD: frozenset(),
}


class IllegalTransition(RuntimeError):
    """A transition that TRANSITIONS does not allow: a bug in the pool, not in a worker."""


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """An immutable snapshot of a worker; each transition returns a new one.

    Times are time.monotonic().
    task_limit: images before it is recycled, 0: no limit.
    spawn_round: shared by workers that were spawned together.
    spare: whether it waits for a place, or will when it is warm.
    start_seconds: from spawning until it was warm; None before that.
    idle_since: when it became warm or last answered.
    recycle_reason: why it leaves once its replacement is warm.
    killed_for: why the parent killed it.
    counts: whether its present task is added to tasks_done when it is answered.
    loaded: the model sets in its memory, the last used one first.
    """

    started_at: float
    task_limit: int = 0
    spawn_round: int = 0
    spare: bool = False
    state: WorkerState = WorkerState.STARTING
    start_seconds: float | None = None
    idle_since: float = 0.0
    tasks_done: int = 0
    rss_mb: int = 0
    recycle_reason: WorkerExit | None = None
    killed_for: WorkerExit | None = None
    counts: bool = True
    loaded: tuple[str, ...] = ()

    @property
    def was_ready(self) -> bool:
        """Whether the worker has ever been warm."""
        return self.start_seconds is not None

    @property
    def lasting(self) -> bool:
        """Whether the worker or spare stays; otherwise it gets a replacement."""
        leaving = (WorkerState.RETIRING, WorkerState.DEAD)
        return self.recycle_reason is None and self.state not in leaving

    @property
    def expects_answer(self) -> bool:
        """Whether an answer may still come: the worker is busy, or finishes its last task."""
        return self.state in (WorkerState.BUSY, WorkerState.RETIRING)

    @property
    def reached_task_limit(self) -> bool:
        """Whether the worker has read task_limit images."""
        return bool(self.task_limit) and self.tasks_done >= self.task_limit

    def became_ready(self, now: float, rss_mb: int, models: str = "") -> WorkerLife:
        """The models of this set are loaded and warm."""
        ready = self._become(WorkerState.SPARE if self.spare else WorkerState.READY)
        seconds = now - self.started_at
        return replace(
            ready, idle_since=now, start_seconds=seconds, rss_mb=rss_mb, loaded=(models,)
        )

    def promoted(self, now: float) -> WorkerLife:
        """The spare has a place, and gets tasks."""
        if self.state is not WorkerState.SPARE:
            raise IllegalTransition(f"a worker that is {self.state.value} is no warm spare")
        return replace(self._become(WorkerState.READY), spare=False, idle_since=now)

    def demoted(self) -> WorkerLife:
        """A spare has taken the place of this worker, which still loads and becomes a spare."""
        if self.state is not WorkerState.STARTING:
            raise IllegalTransition(f"a worker that is {self.state.value} cannot become a spare")
        return replace(self, spare=True)

    def assigned(self, counts: bool = True, models: str = "") -> WorkerLife:
        """A task for this model set was assigned; a probe does not count."""
        loaded = (models, *(each for each in self.loaded if each != models))
        return replace(
            self._become(WorkerState.BUSY), counts=counts, loaded=loaded[:MAX_LOADED_SETS]
        )

    def not_loaded(self) -> WorkerLife:
        """The models of its task could not be loaded."""
        return replace(self, loaded=self.loaded[1:])

    def answered(self, now: float, rss_mb: int) -> WorkerLife:
        """The task is done; the worker is idle again, unless it is retiring."""
        if not self.expects_answer:
            raise IllegalTransition(f"a worker that is {self.state.value} has no task to answer")
        life = self if self.state is WorkerState.RETIRING else self._become(WorkerState.READY)
        tasks_done = self.tasks_done + int(self.counts)
        return replace(life, idle_since=now, tasks_done=tasks_done, rss_mb=rss_mb)

    def measured(self, rss_mb: int) -> WorkerLife:
        """The parent measured the worker's memory."""
        return replace(self, rss_mb=rss_mb)

    def to_be_recycled(self, reason: WorkerExit) -> WorkerLife:
        """The worker keeps working until its replacement is warm; the latest reason counts."""
        if not self.was_ready or self.state is WorkerState.DEAD:
            raise IllegalTransition(f"a worker that is {self.state.value} cannot be recycled")
        return replace(self, recycle_reason=reason)

    def retiring(self) -> WorkerLife:
        """The worker gets no more tasks, and leaves after its present one."""
        return self if self.state is WorkerState.RETIRING else self._become(WorkerState.RETIRING)

    def killed(self, reason: WorkerExit) -> WorkerLife:
        """The worker was killed; the first reason counts."""
        return replace(self.retiring(), killed_for=self.killed_for or reason)

    def ended(self) -> WorkerLife:
        """The process has ended."""
        return self._become(WorkerState.DEAD)

    def stuck_exit(self) -> WorkerExit:
        """The exit of a worker that does not leave when asked to.

        A worker that ran out of memory may be too damaged to leave; memory remains the reason then.
        """
        reason = self.recycle_reason
        if reason is not None and reason.reason is ExitReason.OUT_OF_MEMORY:
            return reason
        return WorkerExit(ExitReason.STUCK, "did not leave when asked to")

    def _become(self, state: WorkerState) -> WorkerLife:
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"no transition from {self.state.value} to {state.value}")
        return replace(self, state=state)
