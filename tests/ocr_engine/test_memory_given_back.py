"""What OpenVINO's sessions keep when memory is given back, and what goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.recognizer import EngineSettings
from ocr_engine.recognizers.ppocr import load
from ocr_engine.runtimes.openvino import OpenVinoRuntime, OpenVinoSession
from ocr_engine.runtimes.session import FloatArray, Session, SessionSettings

MOST = 3 * 48 * 320  # of all shapes together


class CountingCore:
    """Passes everything on, and counts what is compiled."""

    def __init__(self, core: ov.Core) -> None:
        self._core = core
        self.compiled = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def compile_model(self, *arguments: Any) -> ov.CompiledModel:
        self.compiled += 1
        return self._core.compile_model(*arguments)


@pytest.fixture
def core() -> CountingCore:
    return CountingCore(ov.Core())


@pytest.fixture
def session(core: CountingCore) -> OpenVinoSession:
    runtime = OpenVinoRuntime()
    runtime.core = core
    file = catalogue_set("PP-OCRv6_small").rec.file
    return runtime.load(file, SessionSettings(lanes=2, most_compiled=MOST))


def line(width: int) -> FloatArray:
    return np.random.default_rng(width).normal(size=(1, 3, 48, width)).astype(np.float32)


def read_in_lanes(session: OpenVinoSession, lanes: int) -> None:
    assert len(list(session.run_each([line(64)] * 4, lanes, lambda output: output.shape))) == 4


def test_a_model_that_knows_much_is_compiled_anew(
    session: OpenVinoSession, core: CountingCore
) -> None:
    before = session.run(line(128))
    session.release_memory()
    session.run(line(192))
    session.run(line(192))
    session.release_memory()
    assert core.compiled == 1  # 128 and 192 are not too much
    session.run(line(64))
    session.release_memory()
    assert core.compiled == 2
    np.testing.assert_array_equal(session.run(line(128)), before)
    session.release_memory()
    assert core.compiled == 2


def test_what_lanes_run_counts_too(session: OpenVinoSession, core: CountingCore) -> None:
    list(session.run_each([line(64), line(320)], 2, lambda output: None))
    assert core.compiled == 2
    session.release_memory()
    assert core.compiled == 3


def test_lanes_go_that_were_not_used_since(session: OpenVinoSession, core: CountingCore) -> None:
    read_in_lanes(session, 2)
    session.release_memory()
    read_in_lanes(session, 2)
    assert core.compiled == 2
    session.release_memory()
    read_in_lanes(session, 1)
    session.release_memory()
    read_in_lanes(session, 2)
    assert core.compiled == 3


def test_wide_detection_goes_if_it_was_not_used_since() -> None:
    models = catalogue_set("PP-OCRv6_small")
    reader = load(EngineSettings("openvino", models, precision="f32", cores=2))
    loaded: list[int] = []
    wide_det = reader.sessions.wide_det
    assert wide_det is not None

    def noted() -> Session:
        loaded.append(1)
        return wide_det()

    reader.sessions = replace(reader.sessions, wide_det=noted)
    wide = reader._detector(2)
    assert wide is not reader._detector(1)
    reader.release_memory()
    assert reader._detector(2) is wide
    reader.release_memory()
    reader.release_memory()
    assert reader._detector(2) is not wide
    assert loaded == [1, 1]
