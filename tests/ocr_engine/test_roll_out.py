"""Other models for a running pool: nothing is lost, and each answer says which models read it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.errors import ModelError, PoolDraining, PoolStarting
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.worker.spec import WorkerSpec
from tests.support.fake_recognizers import (
    crash_at_load,
    fail_to_load,
    load_named,
    load_named_when_told,
)
from tests.support.pools import (
    PATIENCE_SECONDS,
    all_warm,
    read,
    run_scenario,
    started,
    submit,
    whole,
)
from tests.support.watching import until

CLIENTS = 8


def named(name: str, load: Callable[..., Any] = load_named, *arguments: Any) -> LoadableSet:
    return LoadableSet(functools.partial(load, name, *arguments), name, f"print of {name}")


ONE, TWO, THREE = (named(name) for name in ("one", "two", "three"))
SETS = ModelSets(ONE, (TWO, THREE))


def spec(number: int, **more: Any) -> PoolSpec:
    worker = WorkerSpec(SETS, max_pixels=1_000_000)
    return PoolSpec(SupervisorSpec(number, worker, max_tasks=0, **more))


def run(scenario: Callable[[Pool], Awaitable[None]], number: int = 2, **more: Any) -> None:
    """Run a scenario with a pool; afterwards all workers are ready, and nothing is left over."""
    run_scenario(scenario, whole(spec(number, **more)))


async def replaced(pool: Pool) -> None:
    """Wait until all workers have the present models."""
    await until(lambda: pool.supervisor.outdated() == 0, "all workers with the new models")
    await all_warm(pool)
    number = pool.spec.workers.number + pool.spec.workers.spares
    await until(lambda: len(pool.supervisor.workers()) == number, "the old workers gone")


def gone(pool: Pool, worker: WorkerProcess) -> bool:
    return worker not in pool.supervisor.workers()


@contextlib.asynccontextmanager
async def eight_clients(pool: Pool) -> AsyncIterator[Counter[str]]:
    """Clients that send one image after another; counts the answers by their models.

    Each answer must be that of the models whose fingerprint it has.
    """
    counts: Counter[str] = Counter()
    numbers, stop = itertools.count(), asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            text = f"{next(numbers)}"
            task = submit(pool, text)
            answer = (await task.future).result.text
            models = task.fingerprint.removeprefix("print of ")
            assert answer == f"{models}: {text}"
            counts[models] += 1

    clients = [asyncio.ensure_future(client()) for _ in range(CLIENTS)]
    try:
        yield counts
    finally:
        stop.set()
        await asyncio.gather(*clients)


def test_all_workers_are_replaced_one_by_one_and_no_image_is_lost() -> None:
    warm: set[int] = set()

    async def scenario(pool: Pool) -> None:
        old = {worker.pid for worker in pool.supervisor.workers()}
        async with eight_clients(pool) as counts:
            await until(lambda: counts["one"] > 20, "answers of the old models")
            using = asyncio.ensure_future(pool.use_models(TWO))
            while not using.done() or pool.supervisor.outdated():
                warm.add(pool.supervisor.warm())
                await asyncio.sleep(0)
            await using
            assert pool.models.default is TWO
            assert pool.models.names == ("one", "three", "two")
            before = Counter(counts)
            await until(lambda: counts["two"] > before["two"] + 20, "answers of the new models")
            assert counts["one"] <= before["one"] + CLIENTS
        await replaced(pool)
        assert old.isdisjoint(worker.pid for worker in pool.supervisor.workers())
        assert pool.supervisor.restarts.total() == 3
        assert set(pool.supervisor.restarts) <= {"new_models", "stuck"}  # stuck: slow to leave

    run(scenario, number=3)
    assert min(warm) >= 3
    assert max(warm) <= 4  # one at a time


def test_images_that_wait_are_read_by_the_new_models(gate: Path) -> None:
    async def scenario(pool: Pool) -> None:
        held = submit(pool, f"hold {gate}")
        waiting = [submit(pool, f"{number}") for number in range(3)]
        assert [task.fingerprint for task in waiting] == ["print of one"] * 3
        await pool.use_models(TWO)
        assert [(await task.future).result.text for task in waiting] == [
            "two: 0",
            "two: 1",
            "two: 2",
        ]
        assert {task.fingerprint for task in waiting} == {"print of two"}
        gate.unlink()
        assert (await held.future).result.text == f"one: hold {gate}"
        assert held.fingerprint == "print of one"
        await replaced(pool)

    run(scenario, number=1)


def test_a_set_that_is_named_is_not_the_default_of_the_moment() -> None:
    async def scenario(pool: Pool) -> None:
        for chosen in (TWO, THREE, ONE):
            await pool.use_models(chosen)
            assert await read(pool, "x", "one") == "one: x"
            assert await read(pool, "x") == f"{chosen.name}: x"
            await replaced(pool)

    run(scenario, number=1)


def test_new_files_of_the_same_set_are_another_default() -> None:
    newer = LoadableSet(functools.partial(load_named, "newer"), "one", "print of newer")

    async def scenario(pool: Pool) -> None:
        await pool.use_models(newer)
        assert pool.models.names == ("one", "three", "two")
        await replaced(pool)
        for models in ("", "one"):
            task = submit(pool, "x", models)
            assert (await task.future).result.text == "newer: x"
            assert task.fingerprint == "print of newer"

    run(scenario)


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (fail_to_load, "rec_model_dir: there is no model in it"),
        (crash_at_load, "the worker that loaded the models ended: killed by SIGSEGV"),
    ],
)
def test_models_that_cannot_be_loaded_change_nothing(load: Any, reason: str) -> None:
    async def scenario(pool: Pool) -> None:
        pids = [worker.pid for worker in pool.supervisor.workers()]
        async with eight_clients(pool) as counts:
            with pytest.raises(ModelError) as caught:
                await pool.use_models(LoadableSet(load, "two", "print of broken"))
            assert caught.value.message == reason
            await until(lambda: counts["one"] > 20, "answers of the old models")
            assert set(counts) == {"one"}
        assert pool.models is SETS
        assert [worker.pid for worker in pool.supervisor.workers()] == pids
        assert pool.supervisor.restarts == {}
        await pool.use_models(TWO)  # it can be used afterwards
        await replaced(pool)
        assert await read(pool, "x") == "two: x"

    run(scenario)


def test_models_that_never_finish_loading_change_nothing(
    gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(pool: Pool) -> None:
        hasty = replace(pool.supervisor.spec, start_seconds=0.5)
        monkeypatch.setattr(pool.supervisor, "spec", hasty)
        with pytest.raises(ModelError, match=r"ended: not ready within 0.5 s"):
            await pool.use_models(named("two", load_named_when_told, gate))
        assert await read(pool, "x") == "one: x"

    run(scenario)


def test_workers_that_are_killed_meanwhile_lose_nothing() -> None:
    async def scenario(pool: Pool) -> None:
        async with eight_clients(pool) as counts:
            await until(lambda: counts["one"] > 20, "answers of the old models")
            using = asyncio.ensure_future(pool.use_models(TWO))
            killed = 0
            while not using.done() or pool.supervisor.outdated():
                victim = pool.supervisor.workers()[0]
                if victim.pid and victim.life.was_ready and killed < 4:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim.pid, signal.SIGKILL)
                    killed += 1
                    await until(functools.partial(gone, pool, victim), "its end")
                await asyncio.sleep(0)
            await using
            await until(lambda: counts["two"] > 20, "answers of the new models")
        assert killed == 4
        await replaced(pool)

    run(scenario, number=3)


def test_spares_get_the_new_models_too() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.use_models(TWO)
        await replaced(pool)
        (spare,) = (each for each in pool.supervisor.workers() if each.life.spare)
        assert spare.spec.models is pool.models
        for worker in pool.supervisor.workers():
            if not worker.life.spare:
                os.kill(worker.pid or 0, signal.SIGKILL)
        assert await read(pool, "x") == "two: x"

    run(scenario, number=1, spares=1)


def test_two_changes_at_the_same_time_take_effect_in_turn() -> None:
    async def scenario(pool: Pool) -> None:
        broken = LoadableSet(fail_to_load, "two", "print of broken")
        changes = [pool.use_models(each) for each in (TWO, broken, THREE)]
        outcomes = await asyncio.gather(*changes, return_exceptions=True)
        assert [type(each) for each in outcomes] == [type(None), ModelError, type(None)]
        assert pool.models.default is THREE
        await replaced(pool)
        assert await read(pool, "x") == "three: x"

    run(scenario)


def test_the_end_of_the_pool_ends_the_trial(gate: Path) -> None:
    async def scenario() -> None:
        async with started(spec(1)) as pool:
            await all_warm(pool)
            slow = named("two", load_named_when_told, gate)
            using = asyncio.ensure_future(pool.use_models(slow))
            await asyncio.sleep(0)
            await pool.close()
            with pytest.raises(PoolDraining):
                await using
            with pytest.raises(PoolDraining):
                await pool.use_models(TWO)

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_SECONDS))


def test_a_pool_that_is_starting_has_nothing_to_replace() -> None:
    async def scenario() -> None:
        async with started(spec(1)) as pool:
            with pytest.raises(PoolStarting):
                await pool.use_models(TWO)

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_SECONDS))
