"""The tasks that wait for a worker, in the order in which they will be started."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic

from ocr_engine.engine import Turn
from ocr_engine.pool.admission import Waiting
from ocr_engine.pool.fair_queue import FairQueue, QueuedTask

FOREGROUND_SHARE = 4  # images that somebody waits for, to one that nobody waits for


class Backlog(Generic[QueuedTask]):
    """First the tasks whose worker was lost, then users by turns; see FairQueue.

    There is one queue for tasks that a client waits for, and one for background tasks. While both
    have tasks, they are started in the ratio FOREGROUND_SHARE to 1, by cost.
    """

    def __init__(self) -> None:
        self._retried: OrderedDict[int, QueuedTask] = OrderedDict()
        self._foreground: FairQueue[QueuedTask] = FairQueue()
        self._background: FairQueue[QueuedTask] = FairQueue()
        self._preferred = 0.0  # cost of foreground tasks since the background had its share

    def __len__(self) -> int:
        """The number of waiting tasks."""
        return len(self._retried) + len(self._foreground) + len(self._background)

    def __iter__(self) -> Iterator[QueuedTask]:
        """Iterate over all tasks, not in the order of their starts."""
        yield from self._retried.values()
        yield from self._foreground
        yield from self._background

    def users(self) -> int:
        """The number of users that wait for their turn."""
        return len({*self._foreground.users(), *self._background.users()})

    def waiting(self, turn: Turn) -> Waiting:
        """What a task of this turn would wait for.

        Other users are assumed to start tasks in proportion to their share of the workers, but not
        more than they have. Takes constant time, because it is called for each image.
        """
        queue, other = self._queues(turn)
        own = queue.waiting(turn.user)
        share = queue.share(turn) * (_class_share(turn) if other else 1.0)
        ahead = len(self._retried) + (own + 1) / share - 1
        total = len(self)
        return Waiting(total, own + other.waiting(turn.user), min(ahead, total))

    def push(self, task: QueuedTask, first: bool = False) -> None:
        """Add a task after the other tasks of its user, or ahead of all tasks if `first`."""
        if first:
            self._retried[task.task_id] = task
            self._retried.move_to_end(task.task_id, last=False)
        else:
            self._queues(task.turn)[0].push(task)

    def pop(self) -> QueuedTask:
        """Remove and return the next task; IndexError if there is none."""
        if self._retried:
            return self._retried.popitem(last=False)[1]
        if not self._background or not self._foreground:
            self._preferred = 0.0
            return (self._foreground or self._background).pop()
        if self._preferred < FOREGROUND_SHARE:
            task = self._foreground.pop()
            self._preferred += task.cost
        else:
            task = self._background.pop()
            self._preferred -= task.cost * FOREGROUND_SHARE
        return task

    def pop_of(self, user: str) -> QueuedTask | None:
        """Remove and return the next foreground task of a user before its turn; None without one.

        It counts as the user's turn, but not in the ratio to the background.
        """
        return self._foreground.pop_of(user)

    def remove(self, task: QueuedTask) -> bool:
        """Remove a task; False if it is not waiting."""
        if self._retried.pop(task.task_id, None) is not None:
            return True
        return self._queues(task.turn)[0].remove(task)

    def advance(self, task: QueuedTask, turn: Turn) -> None:
        """Give a task the better of two places: that of its own turn, or that of this turn."""
        if task.task_id in self._retried:
            return
        place = self.position(task)
        if place and self._place(turn, self._queues(turn)[0].place_of_next(turn)) < place:
            self.remove(task)
            task.turn = turn
            self.push(task)

    def position(self, task: QueuedTask) -> int:
        """The task's position, 1 for the next one; 0 if it is not waiting.

        Exact while one user waits; otherwise an estimate, see FairQueue.place.
        """
        if task.task_id in self._retried:
            return list(self._retried).index(task.task_id) + 1
        place = self._queues(task.turn)[0].place(task)
        return self._place(task.turn, place) if place else 0

    def clear(self) -> None:
        """Remove all tasks."""
        self._retried.clear()
        self._foreground.clear()
        self._background.clear()

    def _queues(self, turn: Turn) -> tuple[FairQueue[QueuedTask], FairQueue[QueuedTask]]:
        """The queue for this turn, and the other one."""
        if turn.background:
            return self._background, self._foreground
        return self._foreground, self._background

    def _place(self, turn: Turn, place: int) -> int:
        """Convert a place in the queue for this turn to the place among all tasks."""
        other = len(self._queues(turn)[1])
        if turn.background:
            before = place * FOREGROUND_SHARE
        else:
            before = int((place - 1 + self._preferred) // FOREGROUND_SHARE)
        return len(self._retried) + place + max(0, min(before, other))


def _class_share(turn: Turn) -> float:
    """The share of the workers for foreground or background tasks while both kinds wait."""
    return (1 if turn.background else FOREGROUND_SHARE) / (1 + FOREGROUND_SHARE)
