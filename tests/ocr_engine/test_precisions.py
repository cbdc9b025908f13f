"""The number format of each model, on runtimes with and without native support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError
from ocr_engine.models.ranges import ActivationRanges
from ocr_engine.models.source import ModelFile, ModelSet, ModelSource, Role, model_set
from ocr_engine.recognizer import ENGINES, EngineName, EngineSettings, PrecisionChoice
from ocr_engine.recognizers.models import DET_SHAPES, load_sessions
from ocr_engine.runtimes.session import PixelArray, SessionSettings
from tests.support.fake_sessions import FakeSession

T = TypeVar("T")


@pytest.fixture(autouse=True)
def models_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no files that could have changed."""
    monkeypatch.setattr("ocr_engine.recognizers.models.check_unchanged", lambda *_: None)


DET_RANGES = {"Conv.1": (0.0, 9.0)}
REC_RANGES = {"Conv.1": (-1.0, 1.0), "MatMul.2": (-3.0, 4.0)}
FILES = {role: ModelFile(Path(role)) for role in ("det", "cls", "rec")}


class Blank(FakeSession):
    """Answers like a model of its role on a blank image."""

    def __init__(self, role: str, settings: SessionSettings) -> None:
        super().__init__()
        self.precision = settings.precision
        self._role = role

    def run(self, pixels: PixelArray) -> FloatArray:
        _, height, width, _ = pixels.shape
        return np.zeros((1, 2) if self._role == "cls" else (1, 1, height, width), np.float32)


class Listing:
    """A runtime with given capabilities that records what it loads."""

    name = "listing"

    def __init__(self, bf16: bool = False, int8: bool = False) -> None:
        self.loaded: list[tuple[str, SessionSettings]] = []
        self._bf16 = bf16
        self._int8 = int8

    def version(self) -> str:
        return "1"

    def native_bf16(self) -> bool:
        return self._bf16

    def native_int8(self) -> bool:
        return self._int8

    def load(self, model: ModelFile, settings: SessionSettings) -> Blank:
        role = model.path.name
        self.loaded.append((role, settings))
        return Blank(role, settings)


def model(role: Role, values: Mapping[str, tuple[float, float]] | None = None) -> ModelSource:
    ranges = ActivationRanges("", values) if values else None
    third = (0.0, 0.0, 0.0)
    return ModelSource(role, role, FILES[role], "", mean=third, std=third, ranges=ranges)


KNOWN = model_set(model("det", DET_RANGES), model("rec", REC_RANGES), model("cls"))
DET_ONLY = KNOWN.with_model(model("rec"))
REC_ONLY = KNOWN.with_model(model("det"))
UNKNOWN = DET_ONLY.with_model(model("det"))


def precisions(
    runtime: Listing, choice: PrecisionChoice, models: ModelSet
) -> tuple[str, str, str, str]:
    """The formats of detection, classification and recognition, and their description."""
    sessions = load_sessions(runtime, EngineSettings("openvino", models, precision=choice), models)
    description = sessions.describe_precision()
    return (
        sessions.det.precision,
        sessions.by_role["cls"].precision,
        sessions.rec.precision,
        description,
    )


@pytest.mark.parametrize(
    ("bf16", "int8", "models", "expected"),
    [
        (True, True, KNOWN, ("int8", "f32", "int8")),
        (True, False, KNOWN, ("f32", "f32", "bf16")),
        (False, True, KNOWN, ("int8", "f32", "int8")),
        (False, False, KNOWN, ("f32", "f32", "f32")),
        (True, True, UNKNOWN, ("f32", "f32", "bf16")),
        (False, True, UNKNOWN, ("f32", "f32", "f32")),
        (False, True, DET_ONLY, ("int8", "f32", "f32")),
        (False, True, REC_ONLY, ("f32", "f32", "int8")),
        (True, True, REC_ONLY, ("f32", "f32", "int8")),
        (True, True, DET_ONLY, ("int8", "f32", "bf16")),
    ],
)
def test_auto_takes_what_the_cpu_is_made_for(
    bf16: bool, int8: bool, models: ModelSet, expected: tuple[str, ...]
) -> None:
    det, cls, rec, description = precisions(Listing(bf16, int8), "auto", models)
    assert (det, cls, rec) == expected
    assert description == (det if det == rec else f"detection {det}, recognition {rec}")


@pytest.mark.parametrize("models", [KNOWN, UNKNOWN])
@pytest.mark.parametrize("able", [False, True])
@pytest.mark.parametrize("choice", ["f32", "bf16"])
def test_what_is_set_holds_for_all_models(
    choice: PrecisionChoice, able: bool, models: ModelSet
) -> None:
    assert precisions(Listing(able, able), choice, models) == (choice,) * 4


@pytest.mark.parametrize("able", [False, True])
def test_int8_leaves_the_classifier_in_f32(able: bool) -> None:
    assert precisions(Listing(able, able), "int8", KNOWN) == ("int8", "f32", "int8", "int8")


@pytest.mark.parametrize("models", [UNKNOWN, DET_ONLY, REC_ONLY])
def test_int8_without_ranges_stops_the_start(models: ModelSet) -> None:
    runtime = Listing(True, True)
    with pytest.raises(ModelError) as caught:
        precisions(runtime, "int8", models)
    assert caught.value.message == (
        "ocr.precision = int8: there are no activation ranges for these models; run "
        "tools/calibrate.py "
        "on your own images, or set auto"
    )
    assert not runtime.loaded


def test_each_model_gets_its_own_ranges() -> None:
    runtime = Listing(int8=True)
    precisions(runtime, "auto", KNOWN)
    loaded = {role: settings.ranges for role, settings in runtime.loaded}
    assert loaded == {"det": DET_RANGES, "cls": {}, "rec": REC_RANGES}


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "openvino"])
@pytest.mark.parametrize("choice", ["bf16", "int8"])
def test_only_openvino_computes_in_fewer_bits(engine: EngineName, choice: PrecisionChoice) -> None:
    with pytest.raises(ModelError) as caught:
        EngineSettings(engine, KNOWN, precision=choice)
    assert caught.value.message == (
        f"ocr.precision = {choice}: engine {engine} computes in f32; set auto or f32, or engine "
        "openvino"
    )
    for other in ("auto", "f32"):
        assert EngineSettings(engine, KNOWN, precision=other).precision == other


# --- cores


def test_one_core_gets_one_infer_request_and_no_wide_detection() -> None:
    runtime = Listing()
    settings = EngineSettings("openvino", KNOWN, precision="f32", threads=2)
    assert load_sessions(runtime, settings, KNOWN).wide_det is None
    assert [(role, one.threads, one.infer_requests) for role, one in runtime.loaded] == [
        ("det", 2, 1),
        ("cls", 2, 1),
        ("rec", 2, 1),
    ]


def test_idle_cores_get_infer_requests_and_a_wide_detection_on_demand() -> None:
    runtime = Listing(True, True)
    settings = EngineSettings("openvino", KNOWN, threads=2, cores=3, cached_shapes=19)
    sessions = load_sessions(runtime, settings, KNOWN)
    assert [(role, one.threads, one.infer_requests) for role, one in runtime.loaded] == [
        ("det", 2, 1),
        ("cls", 2, 1),
        ("rec", 2, 3),
    ]
    assert sessions.wide_det is not None
    sessions.wide_det()
    role, wide = runtime.loaded[-1]
    assert (role, wide.threads, wide.infer_requests) == ("det", 6, 1)
    narrow = runtime.loaded[0][1]
    assert wide == replace(narrow, threads=6)  # otherwise the same
    assert {one.cached_shapes for role, one in runtime.loaded if role != "det"} == {19}
    assert narrow.cached_shapes == DET_SHAPES < 19
