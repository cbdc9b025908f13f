"""The tasks that wait for a worker, in the order in which they will be read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from ocr_engine.engine import EngineTask
from ocr_engine.pool.task import PoolTask


class Backlog:
    """First come, first served; a task whose worker was lost comes before all others."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[int, PoolTask] = OrderedDict()

    def __len__(self) -> int:
        """How many tasks wait."""
        return len(self._tasks)

    def __iter__(self) -> Iterator[PoolTask]:
        """The tasks, the next one first."""
        return iter(self._tasks.values())

    def push(self, task: PoolTask, first: bool = False) -> None:
        """Put a task at the end, or before all others."""
        self._tasks[task.task_id] = task
        if first:
            self._tasks.move_to_end(task.task_id, last=False)

    def pop(self) -> PoolTask:
        """Take the next task; KeyError if none waits."""
        return self._tasks.popitem(last=False)[1]

    def remove(self, task: PoolTask) -> bool:
        """Take this task out; False if it does not wait."""
        return self._tasks.pop(task.task_id, None) is not None

    def position(self, task: EngineTask) -> int:
        """A task's place, 1 being next; 0 if it does not wait."""
        waiting = enumerate(self._tasks.values(), 1)
        return next((place for place, each in waiting if each is task), 0)

    def clear(self) -> None:
        """Forget all tasks."""
        self._tasks.clear()
