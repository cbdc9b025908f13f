"""The supervisor: failed starts, recycling, and all kinds of worker exits."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.engine import WorkerState
from ocr_engine.pool import places, spawning
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.worker.messages import Failed
from ocr_engine.worker.spec import WorkerSpec
from tests.support.fake_recognizers import (
    exit_at_start,
    fail_to_load,
    load_echo,
    load_leaking,
    load_on_command,
    raise_at_start,
)
from tests.support.pools import CLOSE_SECONDS, all_warm, one_set, read, run_scenario, started
from tests.support.watching import is_alive, kill_all, until, wait_until

NOT_STARTED = "not_started"
ROOT = Path(__file__).resolve().parents[2]

Scenario = Callable[[Pool], Awaitable[None]]


def run(scenario: Scenario, load: Callable[[], Any], number: int = 1, **wear: Any) -> None:
    """Start a pool, run the scenario, close the pool; no process may be left."""
    workers = SupervisorSpec(number, WorkerSpec(one_set(load)), **wear)
    run_scenario(scenario, started(PoolSpec(workers)))


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """This process keeps its open descriptors, and can open no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def no_more_threads(thread: threading.Thread) -> None:
    """What Thread.start() raises where the system gives no more threads."""
    raise RuntimeError("can't start new thread")


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed starts are retried almost immediately."""
    monkeypatch.setattr(places, "MAX_BACKOFF_SECONDS", 0.01)


def test_a_recognizer_that_cannot_be_built_is_a_failure_at_once() -> None:
    async def scenario(pool: Pool) -> None:
        reason = await asyncio.wait_for(pool.supervisor.failure(), 10)
        assert reason == "rec_model_dir: there is no model in it"
        assert not pool.ready()

    run(scenario, fail_to_load)


def test_a_worker_that_leaves_at_its_start_is_tried_five_times_with_growing_backoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records the backoff that the loop's timer is asked for, and cuts it to a hundredth."""
    journal, pauses = tmp_path / "tries", []

    async def scenario(pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def in_a_hurry(delay: float, callback: Any, *args: Any) -> asyncio.TimerHandle:
            if callback == pool.supervisor._places._spawn_missing:
                pauses.append(delay)
                delay /= 100
            return call_later(delay, callback, *args)

        monkeypatch.setattr(loop, "call_later", in_a_hurry)
        reason = await asyncio.wait_for(pool.supervisor.failure(), 20)
        assert reason == "no worker could start in 5 attempts: exit status 7"
        assert journal.read_text() == "try\n" * 5
        assert pauses[:4] == [1, 2, 4, 8]

    run(scenario, functools.partial(exit_at_start, journal))


@pytest.mark.usefixtures("short_backoff")
def test_workers_that_fail_in_one_spawn_round_count_as_one_attempt(tmp_path: Path) -> None:
    journal = tmp_path / "tries"

    async def scenario(pool: Pool) -> None:
        await asyncio.wait_for(pool.supervisor.failure(), 30)
        assert journal.read_text().count("try\n") > 5

    run(scenario, functools.partial(exit_at_start, journal), number=5)


def test_an_exception_at_the_start_is_a_failed_start() -> None:
    async def scenario(pool: Pool) -> None:
        await until(lambda: pool.supervisor.restarts, "the end of the first one")
        assert pool.supervisor.restarts == {"exit": 1}
        assert not pool.ready()

    run(scenario, raise_at_start)


def test_a_worker_that_is_never_ready_is_replaced(gate: Path) -> None:
    async def scenario(pool: Pool) -> None:
        await until(lambda: pool.supervisor.restarts, "the end of the first one")
        assert pool.supervisor.restarts == {"not_started": 1}
        gate.unlink()
        await all_warm(pool)

    run(scenario, functools.partial(load_on_command, gate), start_seconds=2)


def test_a_worker_is_recycled_at_its_task_limit_and_its_replacement_is_warm_first() -> None:
    warm: set[int] = set()
    pids: set[int | None] = set()

    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        for number in range(60):
            assert await read(pool, f"{number}") == f"{number}"
            warm.add(pool.supervisor.warm())
            pids.update(worker.pid for worker in pool.supervisor.workers())
            if number % 20 == 19:
                replaced = number // 20
                await until(
                    lambda low=replaced: pool.supervisor.restarts["recycled"] > low,  # type: ignore[misc]
                    "a recycled worker",
                )
        assert set(pool.supervisor.restarts) == {"recycled"}

    run(scenario, load_echo, number=2, max_tasks=5)
    assert min(warm) >= 2
    assert len(pids) >= 5


def test_task_limits_differ_so_that_workers_do_not_leave_together() -> None:
    async def scenario(pool: Pool) -> None:
        pool.supervisor._random = random.Random(7)
        limits = {pool.supervisor._task_limit() for _ in range(200)}
        assert (min(limits), max(limits)) == (80, 120)
        await all_warm(pool)

    run(scenario, load_echo, max_tasks=100)


def test_a_worker_without_a_task_limit_stays() -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        pid = pool.supervisor.workers()[0].pid
        for number in range(30):
            await read(pool, f"{number}")
        assert [worker.pid for worker in pool.supervisor.workers()] == [pid]
        assert not pool.supervisor.restarts

    run(scenario, load_echo, max_tasks=0)


def test_a_worker_above_its_memory_is_replaced() -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        old = pool.supervisor.workers()[0]
        for number in range(3):
            assert await read(pool, f"{number}") == f"{number}"
        assert old.life.rss_mb > 200
        await until(lambda: pool.supervisor.restarts == {"recycled": 1}, "the replacement")
        assert old.state is WorkerState.DEAD
        (new,) = pool.supervisor.workers()
        assert new.life.rss_mb < 200

    run(scenario, load_leaking, max_rss_mb=200)


def test_a_worker_due_for_recycling_that_is_killed_is_still_replaced(gate: Path) -> None:
    async def scenario(pool: Pool) -> None:
        gate.unlink()
        await all_warm(pool)
        (worker,) = pool.supervisor.workers()
        assert await read(pool, "due") == "due"
        assert worker.life.recycle_reason is not None
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        assert await read(pool, "after") == "after"
        await until(lambda: worker.state is WorkerState.DEAD, "the end of the old worker")

    run(scenario, functools.partial(load_on_command, gate), max_tasks=1)


def test_a_worker_that_answers_without_a_task_is_replaced() -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        (worker,) = pool.supervisor.workers()
        pool.supervisor.on_reply(worker, Failed(1, "internal_error", "nobody asked", 100))
        await until(lambda: worker.state is WorkerState.DEAD, "its end")
        assert pool.supervisor.restarts == {"protocol_error": 1}
        assert await read(pool, "after") == "after"

    run(scenario, load_echo)


@pytest.mark.faults(42)
@pytest.mark.usefixtures("short_backoff")
def test_a_worker_is_replaced_when_there_are_descriptors_again() -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        with no_more_descriptors():
            os.kill(pool.supervisor.workers()[0].pid or 0, signal.SIGKILL)
            await until(lambda: pool.supervisor.restarts[NOT_STARTED] >= 3, "starts that fail")
        await all_warm(pool)
        assert await read(pool, "whole again") == "whole again"

    run(scenario, load_echo)


@pytest.mark.faults(42)
@pytest.mark.usefixtures("short_backoff")
def test_a_worker_is_replaced_when_there_are_threads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        with monkeypatch.context() as starved:
            starved.setattr(threading.Thread, "start", no_more_threads)
            os.kill(pool.supervisor.workers()[0].pid or 0, signal.SIGKILL)
            await until(lambda: pool.supervisor.restarts[NOT_STARTED] >= 3, "starts that fail")
        await all_warm(pool)
        assert await read(pool, "whole again") == "whole again"

    run(scenario, load_echo)


@pytest.mark.faults(43)
def test_the_pool_closes_while_no_worker_can_be_started() -> None:
    async def scenario(pool: Pool) -> None:
        await all_warm(pool)
        with no_more_descriptors():
            os.kill(pool.supervisor.workers()[0].pid or 0, signal.SIGKILL)
            await until(lambda: pool.supervisor.restarts[NOT_STARTED], "a start that fails")
            await asyncio.wait_for(pool.close(), CLOSE_SECONDS)
        assert pool.supervisor.workers() == ()

    run(scenario, load_echo)


def test_close_right_after_start_ends_the_workers_that_are_being_spawned() -> None:
    """SIGTERM may come while the processes have no pid yet."""

    async def scenario(pool: Pool) -> None:
        asyncio.get_running_loop().call_later(0.1, spawning.one_at_a_time.release)
        assert [worker.pid for worker in pool.supervisor.workers()] == [None] * 4

    spawning.one_at_a_time.acquire()
    run(scenario, load_echo, number=4)


def test_close_ends_workers_that_are_loading(gate: Path) -> None:
    async def scenario(pool: Pool) -> None:
        await until(lambda: all(worker.pid for worker in pool.supervisor.workers()), "the pids")

    run(scenario, functools.partial(load_on_command, gate), number=2)


_PARENT = """
import asyncio, sys
sys.path[:0] = [{root!r}]
from tests.support.cards import card
from tests.support.fake_recognizers import load_obedient
from tests.support.pools import one_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.worker.spec import WorkerSpec

async def main():
    pool = Pool(PoolSpec(SupervisorSpec(3, WorkerSpec(one_set(load_obedient)))))
    pool.start()
    while pool.supervisor.warm() < 3:
        await asyncio.sleep(0.01)
    pool.submit(card("spin"), RecognitionOptions())
    await asyncio.sleep(0.1)
    print(*(worker.pid for worker in pool.supervisor.workers()), flush=True)
    await asyncio.sleep({seconds})

asyncio.run(main())
"""


def parent(seconds: int) -> subprocess.Popen[str]:
    """A process with a pool of three, one of them in an endless loop."""
    code = _PARENT.format(root=str(ROOT), seconds=seconds)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_parent_that_is_killed_leaves_no_orphan() -> None:
    with parent(seconds=60) as process:
        assert process.stdout is not None
        pids = {int(pid) for pid in process.stdout.readline().split()}
        try:
            assert len(pids) == 3
            assert all(map(is_alive, pids))
            process.kill()
            wait_until(lambda: not any(map(is_alive, pids)), "the end of all workers", 5)
        finally:
            process.kill()
            kill_all({pid for pid in pids if is_alive(pid)})


def test_a_parent_that_leaves_without_closing_the_pool_does_leave() -> None:
    """An exception must not leave a process that neither serves nor exits."""
    with parent(seconds=0) as process:
        assert process.stdout is not None
        pids = {int(pid) for pid in process.stdout.readline().split()}
        try:
            wait_until(lambda: process.poll() is not None, "the end of the parent", 8)
            wait_until(lambda: not any(map(is_alive, pids)), "the end of all workers", 5)
        finally:
            process.kill()
            kill_all({pid for pid in pids if is_alive(pid)})
