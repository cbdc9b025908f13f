"""INT8: which operations are rounded and how, and the real models compared with f32."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError
from ocr_engine.images.decode import DecodedImage, decode
from ocr_engine.models.catalogue import CATALOGUE, catalogue_set
from ocr_engine.models.ranges import SHIPPED, read_ranges
from ocr_engine.models.source import ModelFile, ModelSource
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineSettings
from ocr_engine.recognizers import ppocr
from ocr_engine.recognizers.ppocr import PpOcr
from ocr_engine.result import Document
from ocr_engine.runtimes.openvino import runtime as openvino_runtime
from ocr_engine.runtimes.openvino.graph.quantization import quantizable, quantize
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime, read_graph
from ocr_engine.runtimes.session import SessionSettings
from tests.support.installed_sets import INSTALLED
from text_accuracy import character_accuracy

DATA = Path(__file__).resolve().parents[1] / "data"
PAGE = "receipt_en_cafe.png"
RANGES = {"wide": (-1.0, 1.0), "again": (-1.0, 1.0), "matmul": (-9.0, 9.0), "turned": (-9.0, 9.0)}
CHANNELS = np.array([1.0, 0.01, 0.0001, 0.0], dtype=np.float32)  # how large their weights are


def constant(seed: int, *shape: int) -> Any:
    values = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
    return ops.constant(values)


def convolution(data: Any, weights: Any, name: str, padding: int = 0) -> Any:
    sides = [padding, padding]
    node = ops.convolution(data, weights, [1, 1], sides, sides, [1, 1])
    node.set_friendly_name(name)
    return node


def small_graph() -> Any:
    """Two convolutions of the image, a depthwise one, one of a single pixel, two MatMuls."""
    image = ops.parameter(ov.PartialShape([1, 3, -1, -1]), np.float32, name="image")
    scaled = np.asarray(constant(1, 4, 3, 3, 3).data) * CHANNELS[:, None, None, None]
    wide = convolution(image, ops.constant(scaled), "wide", padding=1)
    again = convolution(image, constant(2, 4, 3, 1, 1), "again")
    depthwise = ops.group_convolution(
        wide, constant(3, 4, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1]
    )
    depthwise.set_friendly_name("depthwise")
    mean = ops.reduce_mean(depthwise, np.array([2, 3]), True)
    squeezed = convolution(mean, constant(4, 4, 4, 1, 1), "single pixel")
    mixed = ops.add(ops.multiply(depthwise, squeezed), again)
    rows = ops.reshape(ops.transpose(mixed, np.array([0, 2, 3, 1])), np.array([1, -1, 4]), False)
    matmul = ops.matmul(rows, constant(5, 4, 5), False, False)
    matmul.set_friendly_name("matmul")
    turned = ops.matmul(matmul, constant(6, 6, 5), False, True)
    turned.set_friendly_name("turned")
    return ov.Model([turned], [image], "small")


def nodes_of(graph: Any) -> dict[str, Any]:
    return {node.get_friendly_name(): node for node in graph.get_ordered_ops()}


def sources(node: Any) -> tuple[str, str]:
    """The node types of an operation's input and weights."""
    data, weights = (node.input_value(index).get_node().get_type_name() for index in (0, 1))
    return data, weights


def limits(node: Any, side: int) -> tuple[FloatArray, FloatArray, int]:
    """Lowest value, highest value and levels of the FakeQuantize at an operation's input."""
    rounding = node.input_value(side).get_node()
    low, high, out_low, out_high = (
        np.asarray(rounding.input_value(index).get_node().data) for index in range(1, 5)
    )
    np.testing.assert_array_equal(low, out_low)
    np.testing.assert_array_equal(high, out_high)
    return low, high, rounding.get_attributes()["levels"]


# --- a small graph


def test_large_operations_with_constant_weights_are_worth_it() -> None:
    found = [node.get_friendly_name() for node in quantizable(small_graph())]
    assert sorted(found) == sorted(RANGES)


def test_an_operation_with_a_range_has_both_inputs_rounded() -> None:
    graph = small_graph()
    assert quantize(graph, RANGES) == set(RANGES)
    nodes = nodes_of(graph)
    for name in RANGES:
        assert sources(nodes[name]) == ("FakeQuantize", "FakeQuantize")
    assert "FakeQuantize" not in sources(nodes["depthwise"]) + sources(nodes["single pixel"])


def test_operations_that_see_the_same_share_the_rounding() -> None:
    graph = small_graph()
    quantize(graph, RANGES)
    shared = {nodes_of(graph)[name].input_value(0).get_node().get_name() for name in RANGES}
    assert len(shared) == 3  # wide and again see the image


def test_operations_without_a_range_stay() -> None:
    graph = small_graph()
    ranges = {"wide": (-1.0, 1.0), "depthwise": (-1.0, 1.0), "elsewhere": (-1.0, 1.0)}
    assert quantize(graph, ranges) == {"wide"}
    nodes = nodes_of(graph)
    assert sources(nodes["wide"]) == ("FakeQuantize", "FakeQuantize")
    assert sources(nodes["again"]) == ("Parameter", "Constant")
    assert sources(nodes["turned"]) == ("MatMul", "Constant")
    assert "FakeQuantize" not in sources(nodes["depthwise"])
    untouched = small_graph()
    assert quantize(untouched, {}) == set()
    assert len(nodes_of(untouched)) == len(nodes_of(small_graph()))


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.3, 2.7), (-0.17, 10.6626), (0.0, 9.79), (0.5, 3.0), (-3.0, -1.0), (-0.001, 5.0)],
)
def test_zero_is_one_of_256_levels(low: float, high: float) -> None:
    graph = small_graph()
    quantize(graph, {"wide": (low, high)})
    rounded_low, rounded_high, levels = limits(nodes_of(graph)["wide"], 0)
    assert levels == 256
    step = float(rounded_high.item() - rounded_low.item()) / 255
    place_of_zero = -rounded_low.item() / step
    assert place_of_zero == pytest.approx(round(place_of_zero), abs=1e-3)
    assert 0 <= round(place_of_zero) <= 255
    # as wide as the range with zero in it, and moved by half a level at most
    assert step * 255 == pytest.approx(max(high, 0) - min(low, 0), rel=1e-5)
    assert rounded_low.item() == pytest.approx(min(low, 0), abs=0.51 * step)


def test_weights_have_255_levels_around_zero_for_each_output_channel() -> None:
    graph = small_graph()
    quantize(graph, RANGES)
    nodes, plain = nodes_of(graph), nodes_of(small_graph())
    for name, shape, others in (
        ("wide", (4, 1, 1, 1), (1, 2, 3)),
        ("again", (4, 1, 1, 1), (1, 2, 3)),
        ("matmul", (1, 5), (0,)),
        ("turned", (6, 1), (1,)),
    ):
        low, high, levels = limits(nodes[name], 1)
        weights = np.asarray(plain[name].input_value(1).get_node().data)
        widest = np.abs(weights).max(axis=others, keepdims=True)
        assert levels == 255
        assert high.shape == shape
        np.testing.assert_array_equal(low, -high)
        np.testing.assert_allclose(high, widest, atol=1.1e-8)
        assert (high > 0).all()  # also where all weights are zero


def test_without_vnni_two_weights_of_one_sign_share_the_levels() -> None:
    image = ops.parameter(ov.PartialShape([1, 6, -1, -1]), np.float32, name="image")
    weights = np.zeros((3, 6, 1, 1), dtype=np.float32)
    weights[0, :4, 0, 0] = (0.5, -0.75, 1.0, -0.25)  # 0.5 + 1 > 0.75 + 0.25
    weights[1, 2:, 0, 0] = (
        1.0,
        0.25,
        0.75,
        0.5,
    )  # 1 + 0.25 lie in the first four, the others apart
    weights[2, 1, 0, 0] = -0.5
    graph = ov.Model([convolution(image, ops.constant(weights), "wide")], [image], "pairs")
    quantize(graph, {"wide": (0.0, 1.0)}, vnni=False)
    low, high, levels = limits(nodes_of(graph)["wide"], 1)
    assert levels == 255
    np.testing.assert_array_equal(high.ravel(), (1.5, 1.25, 0.5))
    np.testing.assert_array_equal(low, -high)


def test_without_vnni_only_convolutions_are_rounded() -> None:
    graph = small_graph()
    assert quantize(graph, RANGES, vnni=False) == {"wide", "again"}
    assert sources(nodes_of(graph)["turned"]) == ("MatMul", "Constant")


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("inputs", [2, 6, 24, 96])
def test_the_largest_products_are_added_exactly(
    int8_cpu: OpenVinoRuntime, inputs: int, sign: float
) -> None:
    """All activations and weights at their maximum: adding two in 16 bits would saturate."""
    image = ops.parameter(ov.PartialShape([1, inputs, -1, -1]), np.float32, name="image")
    rows = np.full((32, inputs, 1, 1), sign, dtype=np.float32)
    rows[16:, 1::2] = -sign / 2
    graph = ov.Model([convolution(image, ops.constant(rows), "wide")], [image], "largest")
    quantize(graph, {"wide": (0.0, 1.0)}, int8_cpu.vnni)
    model = int8_cpu.core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answer = model(np.ones((1, inputs, 8, 16), dtype=np.float32))[0]
    expected = np.repeat(rows.sum(axis=(1, 2, 3)), 8 * 16).reshape(1, 32, 8, 16)
    half_a_level = 0.5 * 2 / 127  # where two weights of one sign share them
    np.testing.assert_allclose(answer, expected, atol=1.01 * half_a_level * inputs)


@pytest.mark.parametrize(
    ("flags", "vnni", "native"),
    [
        ("avx2 avx512f avx512_vnni", True, True),
        ("avx2 avx_vnni", True, True),
        ("avx2 fma", False, True),
        ("avx2 avx512f", False, False),
        ("sse4_2", False, False),
        ("", False, False),
    ],
)
def test_int8_is_taken_where_it_was_measured_to_be_faster(
    flags: str, vnni: bool, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_runtime, "_cpu_flags", lambda: frozenset(flags.split()))
    runtime = OpenVinoRuntime()
    assert (runtime.vnni, runtime.native_int8()) == (vnni, native)


def test_the_small_graph_answers_nearly_as_before(int8_cpu: OpenVinoRuntime) -> None:
    image = np.random.default_rng(7).uniform(-1, 1, (1, 3, 32, 48)).astype(np.float32)
    answers = []
    for ranges in ({}, RANGES):
        graph = small_graph()
        quantize(graph, ranges, int8_cpu.vnni)
        model = int8_cpu.core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        answers.append(np.array(model(image)[0]))
    plain, rounded = answers
    difference = np.abs(plain - rounded).mean() / np.abs(plain).mean()
    assert 0 < difference < 0.1


# --- the real models


@pytest.fixture(scope="module")
def int8_cpu() -> OpenVinoRuntime:
    """The runtime, on a CPU with native int8."""
    runtime = OpenVinoRuntime()
    if not runtime.native_int8():
        pytest.skip("int8 was not measured on CPUs like this one")
    return runtime


@pytest.fixture(scope="module")
def page() -> DecodedImage:
    return decode((DATA / "pages" / PAGE).read_bytes(), 10**7)


def reader(precision: Any) -> PpOcr:
    models = catalogue_set("PP-OCRv6_small")
    return ppocr.load(EngineSettings("openvino", models, precision=precision))


def result(recognizer: PpOcr, image: DecodedImage) -> Document:
    return recognizer.recognize(image, RecognitionOptions()).result


def test_both_models_in_int8_read_a_page_nearly_as_in_f32(
    int8_cpu: OpenVinoRuntime, page: DecodedImage
) -> None:
    rounded = reader("int8")
    assert rounded.info.precision == "int8"
    got, expected = result(rounded, page), result(reader("f32"), page)
    assert got != expected  # the arithmetic differs
    assert len(got.lines) == len(expected.lines)
    boxes = [np.array([line.box for line in one.lines]) for one in (got, expected)]
    assert np.abs(boxes[0] - boxes[1]).mean() < 1
    assert np.abs(boxes[0] - boxes[1]).max() <= 8
    assert abs(got.confidence - expected.confidence) < 0.02
    known = {entry["file"]: entry["lines"] for entry in _known_pages()}[PAGE]
    accuracies = [
        character_accuracy([(known, [line.text for line in one.lines])]) for one in (got, expected)
    ]
    assert accuracies[0] > 0.98
    assert accuracies[0] >= accuracies[1] - 0.01


def _known_pages() -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = json.loads((DATA / "pages.json").read_text("utf-8"))["pages"]
    return pages


@pytest.mark.parametrize("role", ["det", "rec"])
def test_operations_with_a_range_are_computed_in_8_bits(
    int8_cpu: OpenVinoRuntime, role: str
) -> None:
    source: ModelSource = getattr(catalogue_set("PP-OCRv6_small"), role)
    assert source.ranges is not None
    settings = SessionSettings(precision="int8", ranges=source.ranges.values)
    session = int8_cpu.load(source.file, settings)
    assert session.precision == "int8"
    running = session._compile_model().get_runtime_model().get_ops()
    kinds = [str(node.get_rt_info()["runtimePrecision"].value) for node in running]
    in_8_bits = sum(kind in ("u8", "i8") for kind in kinds)
    rounded = quantize(read_graph(int8_cpu.core, source.file), source.ranges.values, int8_cpu.vnni)
    assert in_8_bits >= 0.8 * len(rounded) > 20


@pytest.mark.parametrize("ranges", [{}, {"no such operation": (0.0, 1.0)}])
def test_int8_with_nothing_to_round_is_refused(ranges: Mapping[str, tuple[float, float]]) -> None:
    file = catalogue_set("PP-OCRv6_small").det.file
    with pytest.raises(ModelError, match="none of its operations has a range for int8"):
        OpenVinoRuntime().load(file, SessionSettings(precision="int8", ranges=ranges))


# --- what is shipped


def shipped() -> list[str]:
    return sorted(path.stem for path in SHIPPED.iterdir())


def test_the_default_models_have_ranges() -> None:
    assert {"PP-OCRv6_small_det", "PP-OCRv6_small_rec"} <= set(shipped())


@pytest.mark.parametrize("name", shipped())
def test_shipped_ranges_belong_to_a_model_of_the_catalogue(name: str) -> None:
    models = [model for entry in CATALOGUE.values() for model in (entry.det, entry.rec)]
    (published,) = (model for model in models if model.name == name)
    ranges = read_ranges(SHIPPED / f"{name}.json")
    assert ranges.sha256 == published.sha256
    (source,) = (
        source
        for set_name in INSTALLED
        for source in catalogue_set(set_name).sources()
        if source.name == name
    )
    assert source.ranges == ranges
    graph = read_graph(ov.Core(), ModelFile(source.file.path, source.file.params))
    names = {node.get_friendly_name() for node in quantizable(graph)}
    assert ranges.values
    assert set(ranges.values) <= names
    for low, high in ranges.values.values():
        assert np.isfinite((low, high)).all()
        assert low < high
