"""The waiting images of many users, who take turns: deficit round robin.

After M. Shreedhar and G. Varghese, "Efficient Fair Queueing Using Deficit Round Robin", SIGCOMM
1995: users take turns in rounds, and an image counts by its cost. Two things differ here. First, a
user's image is started, and paid for in the rounds that follow. In the paper, the user first saves
up for it, so a single large image would wait for several rounds. Second, the rounds in which a user
still pays are skipped: the user is in the slot of the round in which its next turn is due. So push
and pop take constant time for any number of users and any sizes of images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from ocr_engine.engine import Turn
from ocr_engine.pool.slots import SlotQueue

MIN_WEIGHT = 0.01  # of a user; a lower weight counts as this one


class Queued(Protocol):
    """What a queue needs of a task. cost: expected time, relative to that of an average image."""

    task_id: int
    turn: Turn
    cost: float


QueuedTask = TypeVar("QueuedTask", bound=Queued)


class _User(Generic[QueuedTask]):
    """The waiting images of one user: by priority, then in order of arrival.

    due: the round of the next turn. It may have a fraction, because a user with a weight over 1 has
    several turns in a round.
    """

    def __init__(self, name: str, weight: float, due: float) -> None:
        self.name = name
        self.weight = weight
        self.due = due
        self.tasks: SlotQueue[int, QueuedTask] = SlotQueue()


class FairQueue(Generic[QueuedTask]):
    """Tasks of many users; each user gets the workers in proportion to its weight.

    A user of weight 1 has one turn a round, for one task of the cost 1. A user without tasks is
    forgotten when its past tasks are paid for. While there is only one user, it pays nothing.
    """

    def __init__(self) -> None:
        self._users: dict[str, _User[QueuedTask]] = {}
        self._rounds: SlotQueue[str, _User[QueuedTask]] = SlotQueue()
        self._round = 0
        self._count = 0
        self._weight = 0.0  # of all users with tasks

    def __len__(self) -> int:
        """The number of tasks."""
        return self._count

    def __iter__(self) -> Iterator[QueuedTask]:
        """Iterate over all tasks, user by user."""
        for user in self._users.values():
            yield from user.tasks

    def users(self) -> Iterator[str]:
        """The users with tasks."""
        return (user.name for user in self._users.values() if user.tasks)

    def waiting(self, name: str) -> int:
        """The number of tasks of this user."""
        user = self._users.get(name)
        return 0 if user is None else len(user.tasks)

    def share(self, turn: Turn) -> float:
        """The share of the workers, 0 to 1, that this turn's user has after one more task."""
        user, weight = self._users.get(turn.user), weight_of(turn)
        own = user.weight if user is not None and user.tasks else 0.0
        return weight / (weight + max(0.0, self._weight - own))

    def push(self, task: QueuedTask) -> None:
        """Add a task at the end of its user's tasks of the same priority."""
        turn, weight = task.turn, weight_of(task.turn)
        user = self._users.get(turn.user)
        if user is None:
            if not self._count:
                self.clear()
            user = self._users[turn.user] = _User(turn.user, weight, self._round + 1)
            self._rounds.add(self._round + 1, turn.user, user)
        self._weight += weight - (user.weight if user.tasks else 0.0)
        user.weight = weight
        user.tasks.add(-turn.priority, task.task_id, task)
        self._count += 1

    def pop(self) -> QueuedTask:
        """Remove and return the next task; IndexError if there is none."""
        slot, user = self._rounds.first()
        while not user.tasks and self._count:
            self._rounds.remove(slot, user.name)
            del self._users[user.name]
            slot, user = self._rounds.first()
        if len(self._users) > 1:
            self._round = slot
        return self._take(user)

    def pop_of(self, name: str) -> QueuedTask | None:
        """Remove and return a user's next task before its turn, which counts as its turn.

        None if the user has no tasks.
        """
        user = self._users.get(name)
        return self._take(user) if user is not None and user.tasks else None

    def _take(self, user: _User[QueuedTask]) -> QueuedTask:
        """Remove and return the user's next task, for which it pays."""
        task, slot = user.tasks.first()[1], math.floor(user.due)
        if len(self._users) > 1:
            user.due += task.cost / user.weight
            if math.floor(user.due) > slot:
                self._rounds.remove(slot, user.name)
                self._rounds.add(math.floor(user.due), user.name, user)
        self.remove(task)
        return task

    def remove(self, task: QueuedTask) -> bool:
        """Remove a task, which costs its user nothing; False if it is not here."""
        user = self._users.get(task.turn.user)
        if user is None or not user.tasks.remove(-task.turn.priority, task.task_id):
            return False
        self._count -= 1
        if not user.tasks:
            self._weight -= user.weight
        if not self._count and len(self._users) > 1:
            self.clear()
        return True

    def clear(self) -> None:
        """Forget all tasks and users."""
        self._users.clear()
        self._rounds = SlotQueue()
        self._round, self._count, self._weight = 0, 0, 0.0

    def place(self, task: QueuedTask) -> int:
        """The task's place among all, 1 for the next one; 0 if it is not here.

        Exact if there is one user. Otherwise an estimate: the tasks of others count as if their
        cost were 1, and those due in the same round as if they came first. Takes time in proportion
        to the number of users and of tasks of this user.
        """
        user = self._users.get(task.turn.user)
        ahead: list[QueuedTask] = []
        for each in user.tasks if user is not None else ():
            if each is task:
                return self._place(task.turn, ahead)
            ahead.append(each)
        return 0

    def place_of_next(self, turn: Turn) -> int:
        """The place() that a task of this turn would have if it were pushed now."""
        user = self._users.get(turn.user)
        tasks = user.tasks if user is not None else ()
        return self._place(turn, [each for each in tasks if each.turn.priority >= turn.priority])

    def _place(self, turn: Turn, ahead: list[QueuedTask]) -> int:
        """The place of a task of this turn that comes after these tasks of the same user."""
        user = self._users.get(turn.user)
        due = self._round + 1 if user is None else user.due
        due += sum(each.cost for each in ahead) / weight_of(turn)
        end_of_round = math.floor(due) + 1
        return (
            len(ahead)
            + 1
            + sum(
                min(len(other.tasks), max(0, math.ceil((end_of_round - other.due) * other.weight)))
                for other in self._users.values()
                if other is not user
            )
        )


def weight_of(turn: Turn) -> float:
    """The weight of the turn's user, above 0."""
    return max(turn.weight, MIN_WEIGHT)
