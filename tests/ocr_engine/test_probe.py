"""The probe: workers that are ready but wrong, late or lost, and how often it is run."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.engine import ProbeOutcome, ProbeReport, WorkerState
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool import probe
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.probe import KNOWN_TEXT, REST_SECONDS
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.worker.spec import WorkerSpec
from tests.support.cards import card
from tests.support.fake_recognizers import load_illiterate, load_spoilable
from tests.support.journal import begun_by
from tests.support.pools import all_warm, in_state, one_set, read, started
from tests.support.watching import until

PATIENCE_SECONDS = 40.0
SHORT_SECONDS = 0.3
FIRST_LINE = KNOWN_TEXT.split("\n")[0]

Scenario = Callable[[Pool], Awaitable[None]]


def run(scenario: Scenario, load: Callable[[], Any] = load_spoilable, **workers: Any) -> None:
    """Start a pool, wait until all workers are warm, run the scenario, close the pool."""

    async def whole() -> None:
        spec = SupervisorSpec(worker=WorkerSpec(one_set(load)), **{"number": 2, **workers})
        async with started(PoolSpec(spec)) as pool:
            await all_warm(pool)
            await asyncio.wait_for(scenario(pool), PATIENCE_SECONDS)

    asyncio.run(whole())


def outcomes(report: ProbeReport) -> dict[int | None, ProbeOutcome]:
    return {worker.pid: worker.outcome for worker in report.workers}


async def ordered(pool: Pool, journal: Path, order: str) -> int:
    """Have one worker obey a card, once; returns its pid."""
    path = journal.with_name(order)
    path.touch()
    await pool.submit(card(f"{order} {path}"), RecognitionOptions()).future
    (pid,) = begun_by(journal, f"{order} {path}")
    return pid


def test_workers_that_read_rightly_pass_and_nothing_is_counted() -> None:
    async def scenario(pool: Pool) -> None:
        pids = in_state(pool, WorkerState.READY)
        report = await pool.probe()
        assert report.passed
        assert outcomes(report) == dict.fromkeys(pids, ProbeOutcome.RIGHT)
        stats = pool.stats()
        assert (stats.completed, stats.running, stats.restarts) == (0, 0, {})
        assert [worker.tasks_done for worker in stats.workers] == [0, 0]
        assert in_state(pool, WorkerState.READY) == pids

    run(scenario)


def test_a_worker_that_misreads_is_replaced(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario(pool: Pool) -> None:
        spoiled = await ordered(pool, journal, "spoil")
        (sound,) = set(in_state(pool, WorkerState.READY)) - {spoiled}
        report = await pool.probe()
        assert report.passed
        assert outcomes(report) == {spoiled: ProbeOutcome.WRONG, sound: ProbeOutcome.RIGHT}
        await until(lambda: pool.supervisor.restarts == {"probe_failed": 1}, "its end")
        await all_warm(pool)
        assert spoiled not in in_state(pool, WorkerState.READY)
        assert sound in in_state(pool, WorkerState.READY)

    run(scenario, functools.partial(load_spoilable, journal))


def test_a_pool_whose_only_worker_fails_does_not_pass_until_it_is_replaced(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario(pool: Pool) -> None:
        path = tmp_path / "ruin"
        path.touch()
        with pytest.raises(Exception, match="the recognition failed"):
            await read(pool, f"ruin {path}")
        assert not (await pool.probe()).passed
        await until(lambda: pool.supervisor.restarts == {"probe_failed": 1}, "its end")
        await all_warm(pool)
        pool._prober._started_at -= REST_SECONDS
        assert (await pool.probe()).passed

    run(scenario, functools.partial(load_spoilable, journal), number=1)


def test_a_spare_takes_the_place_of_a_worker_that_misreads(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario(pool: Pool) -> None:
        (spare,) = in_state(pool, WorkerState.SPARE)
        spoiled = await ordered(pool, journal, "spoil")
        assert outcomes(await pool.probe()) == {spoiled: ProbeOutcome.WRONG}
        assert in_state(pool, WorkerState.READY) == [spare]
        await all_warm(pool)
        assert in_state(pool, WorkerState.READY) == [spare]

    run(scenario, functools.partial(load_spoilable, journal), number=1, spares=1)


def test_a_worker_that_dies_while_it_reads_the_image_is_lost() -> None:
    async def scenario(pool: Pool) -> None:
        (pid,) = in_state(pool, WorkerState.READY)
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.ensure_future(pool.probe())
        await until(lambda: in_state(pool, WorkerState.BUSY), "the probe")
        os.kill(pid, signal.SIGKILL)
        assert outcomes(await asked) == {pid: ProbeOutcome.LOST}
        assert pool.supervisor.restarts == {"sigkill": 1}
        await all_warm(pool)

    run(scenario, number=1)


def test_a_worker_that_does_not_answer_in_time_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(pool: Pool) -> None:
        (frozen,) = in_state(pool, WorkerState.READY)
        os.kill(frozen, signal.SIGSTOP)
        with monkeypatch.context() as patience:
            patience.setattr(probe, "READ_SECONDS", SHORT_SECONDS)
            report = await pool.probe()
        assert (report.passed, outcomes(report)) == (False, {frozen: ProbeOutcome.LATE})
        await until(lambda: pool.supervisor.restarts == {"probe_failed": 1}, "its end")
        await all_warm(pool)
        assert await read(pool, "next") == "next"

    run(scenario, number=1)


def test_a_worker_that_stays_busy_is_reported_as_busy_and_kept(
    gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(pool: Pool) -> None:
        held = pool.submit(card(f"hold {gate}"), RecognitionOptions())
        await until(lambda: in_state(pool, WorkerState.BUSY), "a busy worker")
        (busy,) = in_state(pool, WorkerState.BUSY)
        monkeypatch.setattr(probe, "READ_SECONDS", SHORT_SECONDS)
        report = await pool.probe()
        assert outcomes(report) == {busy: ProbeOutcome.BUSY}
        gate.unlink()
        assert (await held.future).result.text == f"hold {gate}"
        assert in_state(pool, WorkerState.READY) == [busy]
        assert pool.supervisor.restarts == {}

    run(scenario, number=1)


def test_a_busy_worker_reads_the_image_before_those_that_wait(tmp_path: Path, gate: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario(pool: Pool) -> None:
        held = pool.submit(card(f"hold {gate}"), RecognitionOptions())
        await until(lambda: in_state(pool, WorkerState.BUSY), "a busy worker")
        waiting = pool.submit(card("waiting"), RecognitionOptions())
        asked = asyncio.ensure_future(pool.probe())
        await until(lambda: pool._prober._readings, "the probe")
        gate.unlink()
        await asyncio.gather(held.future, waiting.future)
        assert (await asked).passed
        noted = journal.read_text()
        assert noted.index(f"begin {FIRST_LINE}") < noted.index("begin waiting")

    run(scenario, functools.partial(load_spoilable, journal), number=1)


def test_those_who_ask_meanwhile_or_soon_after_share_a_probe(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario(pool: Pool) -> None:
        first, second = await asyncio.gather(pool.probe(), pool.probe())
        assert first is second
        assert await pool.probe() is first
        assert len(begun_by(journal, FIRST_LINE)) == 2
        pool._prober._started_at -= REST_SECONDS
        assert await pool.probe() is not first
        assert len(begun_by(journal, FIRST_LINE)) == 4

    run(scenario, functools.partial(load_spoilable, journal))


def test_models_that_cannot_read_the_image_cost_each_worker_one_replacement(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(pool: Pool) -> None:
        for _ in range(3):
            await all_warm(pool)
            assert not (await pool.probe()).passed
            pool._prober._started_at -= REST_SECONDS
        await until(lambda: pool.supervisor.restarts == {"probe_failed": 1}, "one replacement")
        assert "no worker has ever read the known image rightly" in caplog.text
        caplog.clear()

    run(scenario, load_illiterate, number=1)


def test_a_pool_that_drains_does_not_pass() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.drain(1)
        report = await pool.probe()
        assert (report.passed, report.workers) == (False, ())

    run(scenario, number=1)


def test_closing_ends_a_probe() -> None:
    async def scenario(pool: Pool) -> None:
        (pid,) = in_state(pool, WorkerState.READY)
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.ensure_future(pool.probe())
        await until(lambda: in_state(pool, WorkerState.BUSY), "the probe")
        await pool.close()
        assert outcomes(await asked) == {pid: ProbeOutcome.LOST}

    run(scenario, number=1)
