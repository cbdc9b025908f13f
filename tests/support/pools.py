"""Pools of real worker processes for tests, which check that no process is left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from ocr_engine.engine import WorkerState
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec
from ocr_engine.pool.task import PoolTask
from tests.support.cards import card
from tests.support.watching import kill_all, until, worker_processes

CLOSE_SECONDS = 6.0
PATIENCE_SECONDS = 40.0


def one_set(load: Callable[[], Any]) -> ModelSets:
    """A single model set."""
    return ModelSets(LoadableSet(load))


@contextlib.asynccontextmanager
async def started(spec: PoolSpec) -> AsyncIterator[Pool]:
    """A started pool, which is closed afterwards."""
    before = worker_processes()
    pool = Pool(spec)
    pool.start()
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), CLOSE_SECONDS)
        finally:
            left = worker_processes() - before
            kill_all(left)
    assert not left, "processes that close() left behind"


@contextlib.asynccontextmanager
async def whole(spec: PoolSpec) -> AsyncIterator[Pool]:
    """A pool whose workers are all ready before and after; no image is left unanswered."""
    async with started(spec) as pool:
        await all_warm(pool)
        yield pool
        await until(lambda: pool.pending() == 0, "no work left")
        await all_warm(pool)


async def all_warm(pool: Pool) -> None:
    """Wait until all workers and spares are ready."""
    number, spares = pool.spec.workers.number, pool.spec.workers.spares
    await until(lambda: pool.supervisor.warm() == number, f"{number} warm workers")
    await until(lambda: len(in_state(pool, WorkerState.SPARE)) == spares, f"{spares} spares")


def in_state(pool: Pool, state: WorkerState) -> list[int]:
    """The pids of the workers in this state."""
    return [worker.pid or 0 for worker in pool.supervisor.workers() if worker.state is state]


def run_scenario(
    scenario: Callable[[Pool], Awaitable[None]], pool: AbstractAsyncContextManager[Pool]
) -> None:
    """Run a scenario with a pool: started() or whole()."""

    async def within() -> None:
        async with pool as running:
            await asyncio.wait_for(scenario(running), PATIENCE_SECONDS)

    asyncio.run(within())


def submit(pool: Pool, text: str, models: str = "") -> PoolTask:
    """Submit a card, for the models of this name."""
    return pool.submit(card(text), RecognitionOptions(models=models))


async def read(pool: Pool, text: str, models: str = "") -> str:
    """The text that the pool recognizes on a card."""
    return (await submit(pool, text, models).future).result.text
