"""What OpenVINO's sessions free when memory is released, and what they keep."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import NoReturn

import numpy as np
import openvino as ov
import pytest

from ocr_engine.errors import ModelError
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.recognizer import EngineSettings
from ocr_engine.recognizers.ppocr import load
from ocr_engine.runtimes.openvino.infer_requests import InferRequest
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime, OpenVinoSession
from ocr_engine.runtimes.session import (
    FloatArray,
    Inputs,
    PixelArray,
    Session,
    SessionSettings,
)
from tests.support.counting_core import CountingCore

MAX_SHARED_WIDTH = 256


@pytest.fixture
def core() -> CountingCore:
    return CountingCore(ov.Core())


@pytest.fixture
def session(core: CountingCore) -> OpenVinoSession:
    runtime = OpenVinoRuntime()
    runtime.core = core
    file = catalogue_set("PP-OCRv6_small").rec.file
    return runtime.load(file, SessionSettings(infer_requests=2, max_shared_width=MAX_SHARED_WIDTH))


def line(width: int) -> PixelArray:
    return np.random.default_rng(width).integers(0, 255, (1, 48, width, 3), dtype=np.uint8)


def lines(*widths: int) -> Inputs[tuple[int, ...]]:
    return Inputs(widths, lambda number: line(widths[number]), lambda number, output: output.shape)


def read_concurrently(session: OpenVinoSession, infer_requests: int) -> None:
    assert len(session.run_each(lines(*[64] * 4), infer_requests)) == 4


def test_shapes_go_with_the_model(session: OpenVinoSession, core: CountingCore) -> None:
    before = session.run(line(128))
    session.release_memory()
    assert core.compiled == 1
    np.testing.assert_array_equal(session.run(line(128)), before)
    session.release_memory(shapes=True)
    assert core.compiled == 2
    np.testing.assert_array_equal(session.run(line(128)), before)


def test_other_infer_requests_go_with_the_shapes(
    session: OpenVinoSession, core: CountingCore
) -> None:
    read_concurrently(session, 2)
    session.release_memory(shapes=True)
    assert core.compiled == 3
    read_concurrently(session, 1)
    assert core.compiled == 3
    read_concurrently(session, 2)
    assert core.compiled == 4


def test_a_shape_is_prepared_in_each_infer_request_that_takes_it(
    session: OpenVinoSession, core: CountingCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[int, int]] = []
    run = InferRequest.run

    def noted(request: InferRequest, pixels: PixelArray) -> FloatArray:
        ran.append((session._requests.index(request), pixels.shape[2]))
        return run(request, pixels)

    monkeypatch.setattr(InferRequest, "run", noted)
    session.prepare(line(MAX_SHARED_WIDTH), 2)
    assert ran == [(0, MAX_SHARED_WIDTH), (1, MAX_SHARED_WIDTH)]
    ran.clear()
    session.prepare(line(MAX_SHARED_WIDTH + 64), 2)
    assert ran == [(0, MAX_SHARED_WIDTH + 64)]
    assert core.compiled == 2


def test_infer_requests_stay_without_their_activations(
    session: OpenVinoSession, core: CountingCore
) -> None:
    read_concurrently(session, 2)
    session.release_memory()
    read_concurrently(session, 1)
    session.release_memory()
    read_concurrently(session, 2)
    assert core.compiled == 2


def test_without_the_models_file_nothing_changes(session: OpenVinoSession) -> None:
    read_concurrently(session, 2)
    before = session.run(line(128))
    session._compile_model = gone
    with pytest.raises(ModelError):
        session.release_memory(shapes=True)
    assert len(session._requests) == 2
    np.testing.assert_array_equal(session.run(line(128)), before)


def test_without_the_models_file_lines_use_the_first_infer_request(
    session: OpenVinoSession, caplog: pytest.LogCaptureFixture
) -> None:
    session._compile_model = gone
    for _ in range(2):
        read_concurrently(session, 2)
        session.prepare(line(128), 2)
    assert caplog.text.count("fewer idle cores until the model can be reloaded") == 1
    assert caplog.text.count("there is no model") == 1


def test_infer_requests_come_back_with_the_models_file(
    session: OpenVinoSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(session, "_compile_model", gone)
        read_concurrently(session, 2)
        assert len(session._requests) == 1
    session.release_memory(shapes=True)
    read_concurrently(session, 2)
    assert len(session._requests) == 2


def gone() -> NoReturn:
    raise ModelError("there is no model")


def test_without_the_models_file_detection_stays_on_one_core(
    caplog: pytest.LogCaptureFixture,
) -> None:
    models = catalogue_set("PP-OCRv6_small")
    reader = load(EngineSettings("openvino", models, precision="f32", cores=2))
    wide = reader._detector(2)
    reader.release_memory(shapes=True)
    reader.sessions = replace(reader.sessions, wide_det=gone)
    for _ in range(2):
        assert reader._detector(2) is reader.sessions.det
    assert caplog.text.count("one core until the worker has rested: there is no model") == 1
    reader.release_memory(shapes=True)
    reader.sessions = replace(reader.sessions, wide_det=lambda: wide)
    assert reader._detector(2) is wide


def test_wide_detection_goes_with_the_shapes() -> None:
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
    reader.release_memory(shapes=True)
    assert reader._detector(2) is not wide
    assert loaded == [1, 1]


KEPT = """
import ctypes
import numpy as np
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.recognizers.models import load_runtime
from ocr_engine.runtimes.session import SessionSettings

def private_mb():
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/smaps_rollup") as rollup:
        sizes = dict(line.split()[:2] for line in rollup if "Private_Dirty" in line)
    return int(sizes["Private_Dirty:"]) >> 10

session = load_runtime("openvino").load(catalogue_set("PP-OCRv6_small").rec.file, SessionSettings())
session.release_memory()
before = private_mb()
for width in range(64, 64 * 13, 64):
    session.run(np.zeros((1, 48, width, 3), dtype=np.uint8))
session.release_memory()
used = private_mb() - before
session.release_memory(shapes=True)
print(used, private_mb() - before)
"""


def test_what_was_compiled_goes_for_the_most_part() -> None:
    """In a new process, where oneDNN's cache is still empty."""
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, check=True, text=True)
    used, kept = map(int, done.stdout.split())
    assert used > 30
    assert kept < used / 3
