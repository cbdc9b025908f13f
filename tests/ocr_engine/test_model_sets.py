"""Model sets by request: loaded on demand, two in a worker, read by a worker that has them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ocr_engine.errors import RecognitionFailed, UnknownModels, WorkerCrashed
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.pool import deadlines
from ocr_engine.pool.exits import ExitReason
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.worker.spec import WorkerSpec
from tests.support.fake_recognizers import (
    crash_at_load,
    fail_to_load,
    load_named,
    load_named_when_told,
)
from tests.support.pools import read, run_scenario, submit, whole
from tests.support.watching import until


def named(name: str, journal: Path) -> LoadableSet:
    return LoadableSet(functools.partial(load_named, name, journal), name, f"print of {name}")


def run(scenario: Callable[[Pool], Awaitable[None]], models: ModelSets, number: int = 1) -> None:
    """Run a scenario with a pool of these sets; afterwards all workers are ready."""
    workers = SupervisorSpec(number, WorkerSpec(models, max_pixels=1_000_000))
    run_scenario(scenario, whole(PoolSpec(workers)))


def loaded(journal: Path) -> list[str]:
    """The sets that workers have loaded, in order."""
    lines = journal.read_text().splitlines()
    return [line.split()[2] for line in lines if line.split()[1] == "loads"]


def loads(journal: Path, name: str) -> int:
    return loaded(journal).count(name)


def test_an_image_is_read_by_the_set_that_it_names(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (named("two", journal),))

    async def scenario(pool: Pool) -> None:
        assert loaded(journal) == ["one"]
        first, second = submit(pool, "x"), submit(pool, "x", "two")
        assert (await first.future).result.text == "one: x"
        assert (await second.future).result.text == "two: x"
        assert (first.fingerprint, second.fingerprint) == ("print of one", "print of two")
        assert await read(pool, "y", "one") == "one: y"
        assert loaded(journal) == ["one", "two"]

    run(scenario, sets)


def test_an_unknown_set_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (named("two", journal),))

    async def scenario(pool: Pool) -> None:
        with pytest.raises(UnknownModels) as caught:
            submit(pool, "x", "three")
        assert caught.value.message == "models = 'three': expected one of one, two"

    run(scenario, sets)


def test_the_set_that_was_not_used_for_longest_makes_room_for_a_third(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    one, two, three = (named(name, journal) for name in ("one", "two", "three"))

    async def scenario(pool: Pool) -> None:
        for name in ("two", "one", "three"):  # two was not used for longest
            assert await read(pool, "x", name) == f"{name}: x"
        assert loaded(journal) == ["one", "two", "three"]
        (worker,) = pool.stats().workers
        assert list(worker.models) == ["three", "one"]
        assert await read(pool, "y", "one") == "one: y"
        assert loads(journal, "one") == 1
        assert await read(pool, "y", "two") == "two: y"
        assert loaded(journal) == ["one", "two", "three", "two"]
        assert await read(pool, "z", "three") == "three: z"
        assert loads(journal, "three") == 2

    run(scenario, ModelSets(one, (two, three)))


def test_images_go_to_a_worker_that_has_their_set(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (named("two", journal),))

    async def scenario(pool: Pool) -> None:
        for number in range(10):
            assert await read(pool, f"{number}", "two") == f"two: {number}"
            assert await read(pool, f"{number}") == f"one: {number}"
        assert loads(journal, "two") == 1

    run(scenario, sets, number=2)


def test_a_worker_without_the_set_loads_it_if_no_other_is_free(tmp_path: Path, gate: Path) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (named("two", journal),))

    async def scenario(pool: Pool) -> None:
        held = submit(pool, f"hold {gate}", "two")
        assert await read(pool, "x", "two") == "two: x"
        assert loads(journal, "two") == 2
        gate.unlink()
        await held.future

    run(scenario, sets, number=2)


def test_a_set_that_cannot_be_loaded_fails_its_own_images_only(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (LoadableSet(fail_to_load, "broken", "b"),))

    async def scenario(pool: Pool) -> None:
        pids = [worker.pid for worker in pool.supervisor.workers()]
        with pytest.raises(RecognitionFailed, match="the models broken cannot be loaded"):
            await read(pool, "x", "broken")
        assert await read(pool, "x") == "one: x"
        (worker,) = pool.supervisor.workers()
        assert (worker.has_loaded("broken"), worker.has_loaded("one")) == (False, True)
        assert [worker.pid for worker in pool.supervisor.workers()] == pids

    run(scenario, sets)


def test_a_set_that_kills_its_workers_is_given_up_and_the_image_is_not_to_blame(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (LoadableSet(crash_at_load, "deadly", "d"),))

    async def scenario(pool: Pool) -> None:
        with pytest.raises(WorkerCrashed) as caught:
            await read(pool, "x", "deadly")
        assert type(caught.value) is WorkerCrashed  # not ImageKillsWorkers
        assert "2 workers crashed while they loaded the models" in caught.value.message
        assert await read(pool, "x") == "one: x"

    run(scenario, sets)


def test_the_time_to_load_a_set_is_not_that_to_begin(
    tmp_path: Path, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "BEGIN_SECONDS", 0.2)
    journal = tmp_path / "journal"
    load = functools.partial(load_named_when_told, "two", gate, journal)
    sets = ModelSets(named("one", journal), (LoadableSet(load, "two", "print of two"),))

    async def scenario(pool: Pool) -> None:
        task = submit(pool, "x", "two")
        loop = asyncio.get_running_loop()
        await until(lambda: loop.time() > task.started_at + 0.5, "more than the time to begin")
        gate.unlink()
        assert (await task.future).result.text == "two: x"
        assert pool.supervisor.restarts == {}

    run(scenario, sets)


def test_a_replacement_loads_the_default_and_the_rest_on_demand(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    sets = ModelSets(named("one", journal), (named("two", journal),))

    async def scenario(pool: Pool) -> None:
        assert await read(pool, "x", "two") == "two: x"
        (worker,) = pool.supervisor.workers()
        worker.kill(ExitReason.STUCK, "killed by the test")
        await until(lambda: pool.supervisor.restarts and pool.supervisor.warm() == 1, "another")
        assert loaded(journal) == ["one", "two", "one"]
        assert await read(pool, "y", "two") == "two: y"

    run(scenario, sets)
