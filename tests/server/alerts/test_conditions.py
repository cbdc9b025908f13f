"""When a condition is a problem, and when it is over."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.engine import EngineStats, WorkerState, WorkerStats
from ocr_engine.memory import available_mb, memory_limit_mb
from server.alerts.conditions import (
    DiskLow,
    ErrorRate,
    MemoryLow,
    NoReadyWorker,
    QueueFull,
    WorkerDeaths,
)


def stats(
    queued: int = 0,
    wait: float = 0,
    restarts: Mapping[str, int] | None = None,
    limit: int = 100,
    workers: Iterable[WorkerState] = (),
) -> EngineStats:
    found = [WorkerStats(1, state, 0, 0, 0, None) for state in workers]
    return EngineStats(queued, 0, limit, 0, wait, found, restarts or {})


def test_three_deaths_within_five_minutes() -> None:
    restarts = {"sigkill": 0, "recycled": 0}
    condition = WorkerDeaths(lambda: stats(restarts=restarts), 3)
    assert condition.problem(0, told=False) is None
    restarts |= {"sigkill": 2, "recycled": 50, "new_models": 9, "shutdown": 9, "cancelled": 9}
    assert condition.problem(10, told=False) is None
    restarts |= {"out_of_memory": 1}
    problem = condition.problem(299, told=False)
    assert problem == "3 workers died within 5 minutes (out_of_memory, sigkill)"
    assert condition.problem(310, told=False) is None  # the first two are too long ago
    assert condition.problem(310, told=True) is not None  # but it is not over
    assert condition.problem(599, told=True) is None


@pytest.mark.parametrize(
    ("full", "well"),
    [
        (stats(queued=100), stats(queued=50)),
        (stats(queued=90), stats(queued=89)),
        (stats(queued=3, wait=55), stats(queued=3, wait=50)),
    ],
    ids=["full", "nearly", "too long a wait"],
)
def test_a_queue_that_stays_full(full: EngineStats, well: EngineStats) -> None:
    now: dict[str, Any] = {"stats": full}
    condition = QueueFull(lambda: now["stats"], 60, seconds=60)
    assert condition.problem(0, told=False) is None
    assert condition.problem(59, told=False) is None
    now["stats"] = well
    assert condition.problem(60, told=False) is None
    now["stats"] = full
    assert condition.problem(61, told=False) is None
    problem = condition.problem(121, told=False)
    assert problem == (
        f"the queue stays full: {full.queued} images wait, "
        f"a new one would wait {full.expected_wait_seconds:.0f} s"
    )
    now["stats"] = well
    assert condition.problem(125, told=True) is None


def test_a_queue_of_no_places_is_never_full() -> None:
    condition = QueueFull(lambda: stats(limit=0), 60, seconds=1)
    condition.problem(0, told=False)
    assert condition.problem(100, told=False) is None


def test_no_worker_for_a_minute() -> None:
    states = [WorkerState.STARTING]
    condition = NoReadyWorker(lambda: stats(workers=states))
    assert condition.problem(0, told=False) is None
    assert condition.problem(59, told=False) is None
    states[:] = [WorkerState.DEAD, WorkerState.SPARE, WorkerState.RETIRING]
    assert condition.problem(60, told=False) == "no worker can read images"
    states[:] = [WorkerState.DEAD, WorkerState.BUSY]
    assert condition.problem(65, told=True) is None
    states[:] = []
    assert condition.problem(70, told=False) is None
    assert condition.problem(130, told=False) is not None
    states[:] = [WorkerState.READY]
    assert condition.problem(135, told=True) is None


def test_one_request_in_twenty_fails() -> None:
    counted = [1000, 900]  # long ago
    condition = ErrorRate(lambda: (counted[0], counted[1]), 5)

    def after(requests: int, failures: int, now: float, told: bool) -> str | None:
        counted[0] += requests
        counted[1] += failures
        return condition.problem(now, told)

    assert after(0, 0, 0, told=False) is None
    assert after(4, 4, 5, told=False) is None  # all of them, but only four
    assert after(96, 1, 10, told=False) is None  # 5 of 100
    assert after(0, 1, 15, told=False) == "6 of 100 requests failed within 5 minutes"
    assert after(100, 0, 290, told=True) is not None  # 3 in 100: it is not over
    assert after(50, 0, 295, told=True) is None
    assert after(0, 0, 315, told=True) is None
    assert after(60, 3, 600, told=False) is None
    assert after(40, 3, 605, told=False) == "6 of 100 requests failed within 5 minutes"


def test_a_disk_with_little_room(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free >> 20
    folders = {"state": tmp_path / "not" / "yet"}
    problem = DiskLow(folders, free_mb * 2).problem(0, told=False)
    assert problem is not None and problem.startswith("the disk of the state folder has ")
    assert str(tmp_path) not in problem
    assert DiskLow(folders, free_mb // 2).problem(0, told=False) is None


def test_little_memory_and_how_it_ends() -> None:
    left = iter((200, 199, 215, 221))
    condition = MemoryLow(lambda: next(left), 200)
    assert condition.problem(0, told=False) is None
    assert condition.problem(5, told=False) == "199 MiB of memory are left"
    assert condition.problem(10, told=True) == "215 MiB of memory are left"
    assert condition.problem(15, told=True) is None


def test_the_memory_of_this_machine() -> None:
    assert 0 < available_mb() <= memory_limit_mb()
