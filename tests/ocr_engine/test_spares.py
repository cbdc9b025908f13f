"""Spares: warm workers that take the place of one that dies or is recycled."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.engine import WorkerState
from ocr_engine.errors import RecognitionTimeout
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.worker.process_setup import BACKGROUND_NICE
from ocr_engine.worker.spec import WorkerSpec
from tests.support.cards import card
from tests.support.fake_recognizers import (
    load_nice,
    load_obedient_when_told,
    load_on_command,
    load_unless,
    load_when_called,
)
from tests.support.journal import begun_by
from tests.support.pools import all_warm, in_state, one_set, read, run_scenario, started
from tests.support.watching import until

Scenario = Callable[[Pool], Awaitable[None]]


def run(
    scenario: Scenario,
    load: Callable[[], Any],
    task_seconds: float = 30.0,
    background: bool = False,
    **workers: Any,
) -> None:
    """Start a pool with spares, wait until all are warm, run the scenario, close the pool."""
    worker = WorkerSpec(one_set(load), background=background)
    spec = SupervisorSpec(worker=worker, **{"number": 1, "spares": 1, **workers})
    run_scenario(scenario, started(PoolSpec(spec, task_seconds=task_seconds)))


@pytest.fixture
def load(gate: Path) -> Callable[[], Any]:
    """Loads as long as the gate is open."""
    gate.unlink()
    return functools.partial(load_on_command, gate)


def test_a_spare_reads_nothing_and_is_no_ready_worker(load: Callable[[], Any]) -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        (spare,) = in_state(pool, WorkerState.SPARE)
        texts = [f"{number}" for number in range(6)]
        assert await asyncio.gather(*(read(pool, text) for text in texts)) == texts
        assert pool.capacity == 2
        assert in_state(pool, WorkerState.SPARE) == [spare]
        stats = {worker.pid: worker for worker in pool.stats().workers}
        assert stats[spare].state is WorkerState.SPARE
        assert stats[spare].tasks_done == 0
        assert sum(worker.tasks_done for worker in stats.values()) == 6

    run(scenario, load, number=2)


def test_there_is_no_spare_before_all_workers_are_warm(gate: Path) -> None:
    async def scenario(pool: Pool) -> None:
        assert len(pool.supervisor.workers()) == 2
        gate.unlink()
        await all_warm(pool)
        assert len(pool.supervisor.workers()) == 3

    run(scenario, functools.partial(load_on_command, gate), number=2)


def test_a_spare_takes_the_place_of_a_worker_that_dies(tmp_path: Path) -> None:
    """No process can load meanwhile: the image is read by the spare, or never."""
    journal, gate = tmp_path / "journal", tmp_path / "gate"

    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        (spare,) = in_state(pool, WorkerState.SPARE)
        (worker,) = in_state(pool, WorkerState.READY)
        gate.touch()
        vanish = tmp_path / "vanish"
        vanish.touch()
        assert await read(pool, f"vanish {vanish}") == f"vanish {vanish}"
        assert begun_by(journal, f"vanish {vanish}") == [worker, spare]
        assert in_state(pool, WorkerState.READY) == [spare]
        assert len(in_state(pool, WorkerState.STARTING)) == 1
        gate.unlink()
        await all_warm(pool)
        assert in_state(pool, WorkerState.READY) == [spare]
        assert pool.supervisor.restarts == {"sigkill": 1}

    run(scenario, functools.partial(load_obedient_when_told, journal))


def test_a_spare_takes_the_place_of_a_worker_that_hangs_before_it_is_gone(tmp_path: Path) -> None:
    journal, gate = tmp_path / "journal", tmp_path / "gate"

    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        (spare,) = in_state(pool, WorkerState.SPARE)
        gate.touch()
        with pytest.raises(RecognitionTimeout):
            await pool.submit(card("spin"), RecognitionOptions()).future
        assert await read(pool, "the next one") == "the next one"
        assert begun_by(journal, "the next one") == [spare]
        gate.unlink()
        await all_warm(pool)

    run(scenario, functools.partial(load_obedient_when_told, journal), task_seconds=0.3)


def test_a_spare_that_dies_is_replaced(load: Callable[[], Any]) -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        (worker,) = in_state(pool, WorkerState.READY)
        (spare,) = in_state(pool, WorkerState.SPARE)
        os.kill(spare, signal.SIGKILL)
        await until(lambda: pool.supervisor.restarts == {"sigkill": 1}, "its end")
        await all_warm(pool)
        assert in_state(pool, WorkerState.READY) == [worker]
        assert in_state(pool, WorkerState.SPARE) != [spare]

    run(scenario, load)


def test_a_spare_takes_the_place_of_a_recycled_worker(gate: Path) -> None:
    """No process can load meanwhile, and there is always a ready worker."""

    async def scenario(pool: Pool) -> None:
        gate.unlink()
        await all_warm(pool)
        (spare,) = in_state(pool, WorkerState.SPARE)
        gate.touch()
        for number in range(3):
            assert await read(pool, f"{number}") == f"{number}"
            assert pool.supervisor.warm() == 1
        await until(lambda: pool.supervisor.restarts == {"recycled": 1}, "the old worker's end")
        assert spare in in_state(pool, WorkerState.READY)
        gate.unlink()
        await all_warm(pool)

    run(scenario, functools.partial(load_on_command, gate), max_tasks=2)


@pytest.mark.parametrize("first", ["worker", "spare"])
def test_of_a_worker_and_a_spare_that_load_the_first_one_serves(first: str, tmp_path: Path) -> None:
    async def called(pool: Pool, number: int) -> list[int]:
        """Let the processes load that are there; their pids."""
        workers = pool.supervisor.workers
        await until(lambda: sum(worker.pid is not None for worker in workers()) == number, "pids")
        for pid in (pids := [worker.pid or 0 for worker in workers()]):
            (tmp_path / str(pid)).touch()
        return pids

    async def scenario(pool: Pool) -> None:
        await called(pool, 1)
        await until(lambda: len(pool.supervisor.workers()) == 2, "the spare")
        await called(pool, 2)
        await all_warm(pool)
        (worker,), (spare,) = in_state(pool, WorkerState.READY), in_state(pool, WorkerState.SPARE)
        os.kill(spare, signal.SIGKILL)
        await until(lambda: pool.supervisor.restarts == {"sigkill": 1}, "the spare's end")
        os.kill(worker, signal.SIGKILL)
        await until(lambda: pool.supervisor.restarts == {"sigkill": 2}, "the worker's end")
        workers = pool.supervisor.workers
        await until(lambda: all(each.pid for each in workers()), "the processes")
        pids = {"spare" if each.life.spare else "worker": each.pid or 0 for each in workers()}
        assert set(pids) == {"spare", "worker"}
        (tmp_path / str(pids[first])).touch()
        await until(pool.ready, "the first")
        assert in_state(pool, WorkerState.READY) == [pids.pop(first)]
        (other,) = pids.values()
        (tmp_path / str(other)).touch()
        await all_warm(pool)
        assert in_state(pool, WorkerState.SPARE) == [other]

    run(scenario, functools.partial(load_when_called, tmp_path))


def test_spares_that_cannot_start_do_not_delay_a_worker(tmp_path: Path) -> None:
    broken = tmp_path / "broken"

    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        broken.touch()
        (spare,) = in_state(pool, WorkerState.SPARE)
        os.kill(spare, signal.SIGKILL)
        await until(lambda: pool.supervisor.restarts["exit"] >= 2, "two spares that fail")
        broken.unlink()
        (worker,) = in_state(pool, WorkerState.READY)
        os.kill(worker, signal.SIGKILL)
        assert await read(pool, "again") == "again"
        assert pool.supervisor._spare_places.failures == 2
        await all_warm(pool)

    run(scenario, functools.partial(load_unless, broken))


def test_only_the_loading_of_a_spare_has_a_low_priority(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    usual = os.getpriority(os.PRIO_PROCESS, 0)

    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        (worker,) = in_state(pool, WorkerState.READY)
        (spare,) = in_state(pool, WorkerState.SPARE)
        os.kill(worker, signal.SIGKILL)
        assert await read(pool, "read by the spare") == "read by the spare"
        lines = journal.read_text().splitlines()
        assert f"{worker} loads {usual}" in lines
        assert f"{spare} loads {min(usual + BACKGROUND_NICE, 19)}" in lines
        assert lines[-2:] == [f"{spare} reads {usual}", f"{spare} end read by the spare"]

    run(scenario, functools.partial(load_nice, journal), background=True)
