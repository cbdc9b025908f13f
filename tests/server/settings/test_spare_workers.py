"""How many spares there are if the settings do not say."""

from __future__ import annotations

from typing import Any

import pytest

from ocr_engine.pool.pool import Pool
from server.settings import engine
from server.settings.engine import SPARE_MIN_MB, build_engine, spare_workers
from server.settings.loading import build
from server.settings.settings import Settings


def settings(**process: Any) -> Settings:
    return build(Settings, {"ocr": {"process": process}}, "")  # type: ignore[no-any-return]


@pytest.mark.parametrize(("available", "spares"), [(SPARE_MIN_MB, 1), (SPARE_MIN_MB - 1, 0)])
def test_the_available_memory_decides(
    available: int, spares: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "available_mb", lambda: available)
    assert spare_workers(settings()) == spares
    assert spare_workers(settings(spares=3)) == 3
    assert spare_workers(settings(spares=0)) == 0


def test_the_pool_has_them() -> None:
    pool = build_engine(settings(number=2, spares=3))
    assert isinstance(pool, Pool)
    assert (pool.capacity, pool.spec.workers.spares) == (2, 3)


@pytest.mark.parametrize(
    ("values", "background"),
    [
        ({}, True),
        ({"predict_system": {"cpu_threads": 2}}, False),
        ({"engine": "onnxruntime"}, False),
    ],
)
def test_only_a_runtime_that_computes_in_the_calling_thread_loads_in_the_background(
    values: dict[str, Any], background: bool
) -> None:
    pool = build_engine(build(Settings, {"ocr": values}, ""))
    assert isinstance(pool, Pool)
    assert pool.spec.workers.worker.background is background
