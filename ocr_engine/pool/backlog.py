"""The tasks that wait for a worker, in the order in which they will be started."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from ocr_engine.engine import EngineTask
from ocr_engine.pool.task import PoolTask


class Backlog:
    """First in, first out, except that a task whose worker was lost goes to the front."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[int, PoolTask] = OrderedDict()

    def __len__(self) -> int:
        """The number of waiting tasks."""
        return len(self._tasks)

    def __iter__(self) -> Iterator[PoolTask]:
        """Iterate from the next task to the last."""
        return iter(self._tasks.values())

    def push(self, task: PoolTask, first: bool = False) -> None:
        """Add a task at the end, or at the front if `first`."""
        self._tasks[task.task_id] = task
        if first:
            self._tasks.move_to_end(task.task_id, last=False)

    def pop(self) -> PoolTask:
        """Remove and return the next task; KeyError if there is none."""
        return self._tasks.popitem(last=False)[1]

    def remove(self, task: PoolTask) -> bool:
        """Remove a task; False if it is not waiting."""
        return self._tasks.pop(task.task_id, None) is not None

    def position(self, task: EngineTask) -> int:
        """The task's position, 1 for the next one; 0 if it is not waiting."""
        waiting = enumerate(self._tasks.values(), 1)
        return next((place for place, each in waiting if each is task), 0)

    def clear(self) -> None:
        """Remove all tasks."""
        self._tasks.clear()
