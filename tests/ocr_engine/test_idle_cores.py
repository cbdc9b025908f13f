"""Idle cores: which image gets them, that the worker gets them, and that answers do not change."""

from __future__ import annotations

import asyncio
import functools
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from ocr_engine import budget
from ocr_engine.budget import Budget
from ocr_engine.cores import usable_cores
from ocr_engine.errors import RecognitionTimeout
from ocr_engine.images.decode import DecodedImage, ImageArray, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.pool.task import PoolTask
from ocr_engine.recognizer import EngineSettings
from ocr_engine.recognizers import ppocr
from ocr_engine.recognizers.ppocr import PpOcr
from ocr_engine.result import Document
from ocr_engine.stages import recognition
from ocr_engine.worker.messages import Task, decode_request, encode_request
from ocr_engine.worker.spec import WorkerSpec
from server.settings import engine as engine_settings
from server.settings.loading import load_settings
from server.settings.settings import Settings
from tests.support.cards import card
from tests.support.fake_recognizers import load_obedient, load_preparing
from tests.support.pools import one_set, read, whole
from tests.support.watching import until

DATA = Path(__file__).resolve().parents[1] / "data" / "pages"
PAGE = "receipt_en_cafe.png"
PATIENCE_SECONDS = 40.0

Scenario = Callable[[], Awaitable[None]]


def run(scenario: Scenario) -> None:
    """Run a scenario on a loop of its own, for a limited time."""
    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_SECONDS))


def running_pool(number: int, cores: int) -> AbstractAsyncContextManager[Pool]:
    """A pool of obedient workers in which an image gets at most this many cores."""
    worker = WorkerSpec(one_set(load_obedient), max_pixels=1_000_000)
    return whole(PoolSpec(SupervisorSpec(number, worker), cores_per_image=cores))


def submit(pool: Pool, text: str) -> PoolTask:
    return pool.submit(card(text), RecognitionOptions())


class Gates:
    """Images whose recognition lasts until they are released."""

    def __init__(self, folder: Path, pool: Pool) -> None:
        self._folder = folder
        self._pool = pool
        self._held: dict[str, PoolTask] = {}

    def hold(self, name: str) -> PoolTask:
        gate = self._folder / name
        gate.touch()
        self._held[name] = submit(self._pool, f"hold {gate}")
        return self._held[name]

    async def let_go(self, name: str) -> None:
        (self._folder / name).unlink()
        await self._held.pop(name).future


# --- the pool


def test_idle_cores_are_granted_up_to_the_limit_and_while_they_are_free(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_pool(number=3, cores=2) as pool:
            gates = Gates(tmp_path, pool)
            assert await read(pool, "cores") == "2"  # of three
            assert gates.hold("first").cores == 2
            assert gates.hold("second").cores == 1  # the last idle one
            assert gates.hold("third").cores == 1  # no core is idle
            await gates.let_go("first")
            assert await read(pool, "cores") == "1"
            await gates.let_go("second")
            assert await read(pool, "cores") == "2"
            await gates.let_go("third")

    run(scenario)


def test_nothing_is_granted_while_another_image_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_pool(number=2, cores=2) as pool:
            gates = Gates(tmp_path, pool)
            assert [gates.hold(name).cores for name in ("a", "b")] == [2, 1]
            waiting = [gates.hold(name) for name in ("c", "d", "e")]
            assert pool.queued() == 3
            await gates.let_go("b")
            await until(lambda: pool.queued() == 2, "the first that waited runs")
            await gates.let_go("a")
            await until(lambda: pool.queued() == 1, "the second that waited runs")
            assert [task.cores for task in waiting[:2]] == [1, 1]
            await gates.let_go("c")
            await until(lambda: pool.queued() == 0, "the last one runs")
            assert waiting[2].cores == 1  # the other worker is busy
            await gates.let_go("d")
            await gates.let_go("e")
            assert await read(pool, "cores") == "2"

    run(scenario)


def test_a_worker_that_died_has_no_core_to_give(tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()

    async def scenario() -> None:
        async with running_pool(number=2, cores=2) as pool:
            task = submit(pool, f"vanish {once}")
            assert task.cores == 2
            await task.future
            assert (task.dispatches, task.cores) == (2, 1)

    run(scenario)


def test_with_the_setting_off_nothing_is_granted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_pool(number=2, cores=1) as pool:
            gates = Gates(tmp_path, pool)
            assert await read(pool, "cores") == "1"
            assert [gates.hold(name).cores for name in ("a", "b", "c")] == [1, 1, 1]
            for name in ("a", "b", "c"):
                await gates.let_go(name)

    run(scenario)


@pytest.mark.parametrize("limits", [(), (2, 12.345678901), (4,)])
def test_cores_and_seconds_travel_with_the_task(limits: tuple[Any, ...]) -> None:
    task = Task(7, RecognitionOptions(drop_score=0.25), b"image", *limits)
    assert decode_request(encode_request(task)) == task


def test_a_deadline_counts_from_when_the_worker_begins() -> None:
    async def scenario() -> None:
        async with running_pool(number=1, cores=1) as pool:
            seconds = pool.spec.task_seconds
            before = time.monotonic()
            deadline = float(await read(pool, "deadline"))
            assert before + seconds <= deadline <= time.monotonic() + seconds

    run(scenario)


# --- the worker


def test_a_worker_warms_up_on_all_cores_and_prepares_while_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, gate = tmp_path / "journal", tmp_path / "gate"
    gate.touch()

    def events() -> list[str]:
        lines = [line.partition(" ")[2].strip() for line in journal.read_text().splitlines()]
        return [line for line in lines if line.startswith(("cores", "prepare"))]

    async def scenario() -> None:
        load = functools.partial(load_preparing, journal)
        worker = WorkerSpec(one_set(load), max_pixels=1_000_000, cores=2)
        async with whole(PoolSpec(SupervisorSpec(1, worker), cores_per_image=2)) as pool:
            await until(lambda: "prepare 1" in events(), "the first step")
            (process,) = pool.supervisor.workers()
            monkeypatch.setattr(process, "send", process._send)  # immediately
            task = submit(pool, "cores")
            gate.unlink()
            assert (await task.future).result.text == "1"  # there is no other worker
            await until(lambda: "prepare 2" in events(), "the second step")
            await read(pool, "hello")
        assert events() == ["cores 1", "cores 2", "prepare 1", "cores 1", "prepare 2", "cores 1"]

    try:
        run(scenario)
    finally:
        gate.unlink(missing_ok=True)


# --- the settings


def engine_cores(monkeypatch: pytest.MonkeyPatch, folder: Path, usable: int, **process: Any) -> int:
    monkeypatch.setattr(engine_settings, "usable_cores", lambda: usable)
    return engine_settings.cores_per_image(settings(folder, **process))


def settings(folder: Path, **values: Any) -> Settings:
    path = folder / "config.json"
    path.write_text("{}")
    return load_settings(path, {}, {key.replace("__", "."): str(v) for key, v in values.items()})


@pytest.mark.parametrize(
    ("usable", "values", "expected"),
    [
        (2, {}, 2),
        (1, {}, 1),
        (3, {}, 2),
        (64, {}, engine_settings.MAX_CORES_PER_IMAGE),
        (8, {"ocr__process__number": 2}, 2),
        (8, {"ocr__process__number": 1}, 1),
        (2, {"ocr__process__number": 8}, 2),
        (8, {"ocr__process__idle_cores": "false"}, 1),
        (8, {"ocr__engine": "onnxruntime"}, 1),
    ],
)
def test_how_many_cores_an_image_may_get(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    usable: int,
    values: dict[str, Any],
    expected: int,
) -> None:
    assert engine_cores(monkeypatch, tmp_path, usable, **values) == expected


def test_usable_cores_are_no_more_than_the_affinity() -> None:
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))


# --- the engine


@pytest.fixture(scope="module")
def page() -> DecodedImage:
    return decode((DATA / PAGE).read_bytes(), 10**7)


def reader(precision: Any, cores: int) -> PpOcr:
    models = catalogue_set("PP-OCRv6_small")
    return ppocr.load(EngineSettings("openvino", models, precision=precision, cores=cores))


def result(recognizer: PpOcr, image: DecodedImage, cores: int) -> Document:
    return recognizer.recognize(image, RecognitionOptions(), Budget(cores)).result


@pytest.mark.parametrize("precision", ["auto", "f32"])
def test_a_page_reads_the_same_on_two_cores(page: DecodedImage, precision: str) -> None:
    recognizer = reader(precision, cores=2)
    alone = result(recognizer, page, 1)
    assert len(alone.lines) > 20
    assert result(recognizer, page, 2) == alone
    recognizer.release_memory()
    assert result(recognizer, page, 2) == alone
    assert result(recognizer, page, 1) == alone


@pytest.mark.parametrize("cores", [1, 2])
def test_a_page_is_given_up_between_two_lines_when_the_deadline_has_passed(
    page: DecodedImage, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = reader("f32", cores=2)
    whole = result(recognizer, page, cores)
    read: list[int] = []
    preprocess = recognition.preprocess

    def noted(crop: ImageArray, *shape: Any) -> ImageArray:
        read.append(len(read))
        return preprocess(crop, *shape)

    class LateClock:
        """The deadline passes when three lines have been read."""

        @staticmethod
        def monotonic() -> float:
            return float(len(read))

    with monkeypatch.context() as patch:
        patch.setattr(recognition, "preprocess", noted)
        patch.setattr(budget, "time", LateClock)
        with pytest.raises(RecognitionTimeout):
            recognizer.recognize(page, RecognitionOptions(), Budget(cores, deadline=3))
    assert 3 <= len(read) <= 3 + cores
    assert result(recognizer, page, cores) == whole
