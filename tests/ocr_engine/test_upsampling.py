"""Upsampling to one channel is rewritten where allowed, with the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from ocr_engine.arrays import FloatArray
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.runtimes.openvino.graph.upsampling import split_upsampling
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime, read_graph
from tests.support.installed_sets import INSTALLED

INPUTS = 5
# Between the two of PP-OCRv4 there is a batch normalisation.
LEFT = {"PP-OCRv6_small": 0, "PP-OCRv6_tiny": 0, "PP-OCRv4_mobile": 1}


def graph(channels: int = 1, kernel: int = 2, stride: int = 2, pads: int = 0) -> Any:
    """A transposed convolution, followed by a bias and the sigmoid of DB's head."""
    rng = np.random.default_rng(kernel)
    image = ops.parameter(ov.PartialShape([1, INPUTS, -1, -1]), np.float32, name="image")
    weights = rng.uniform(-1, 1, (INPUTS, channels, kernel, kernel)).astype(np.float32)
    sides = [pads, pads]
    grown = ops.convolution_backprop_data(
        image, ops.constant(weights), [stride, stride], pads_begin=sides, pads_end=sides
    )
    biased = ops.add(grown, ops.constant(np.full((1, channels, 1, 1), 0.25, dtype=np.float32)))
    return ov.Model([ops.sigmoid(biased)], [image], "head")


def answer(of: Any, height: int = 7, width: int = 9) -> FloatArray:
    image = np.random.default_rng(3).uniform(-2, 2, (1, INPUTS, height, width))
    model = ov.Core().compile_model(of, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(model(image.astype(np.float32))[0])


def kinds(of: Any) -> list[str]:
    return [node.get_type_name() for node in of.get_ordered_ops()]


@pytest.mark.parametrize("side", [2, 3, 4])
def test_squares_that_do_not_overlap_are_rewritten_with_the_same_values(side: int) -> None:
    expected = answer(graph(kernel=side, stride=side))
    changed = graph(kernel=side, stride=side)
    split_upsampling(changed)
    assert "ConvolutionBackpropData" not in kinds(changed)
    assert kinds(changed).count("DepthToSpace") == 1
    assert expected.shape == (1, 1, 7 * side, 9 * side)
    np.testing.assert_allclose(answer(changed), expected, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [{"channels": 2}, {"kernel": 3, "stride": 2}, {"kernel": 2, "stride": 3}, {"pads": 1}],
    ids=str,
)
def test_other_transposed_convolutions_stay(other: dict[str, int]) -> None:
    changed = graph(**other)
    split_upsampling(changed)
    assert kinds(changed) == kinds(graph(**other))


def head(outer: int, inner: int, steps: str, channels: int = 3) -> Any:
    """Two upsamplings in a row, with operations between them.

    + and *: by channel; 1: times one number; r: ReLU; s: sigmoid.
    """
    rng = np.random.default_rng(outer * 10 + inner)

    def numbers(*shape: int) -> Any:
        return ops.constant(rng.uniform(-1, 1, shape).astype(np.float32))

    image = ops.parameter(ov.PartialShape([1, INPUTS, -1, -1]), np.float32, name="image")
    kernel = numbers(INPUTS, channels, outer, outer)
    value = ops.convolution_backprop_data(image, kernel, [outer, outer])
    for step in steps:
        if step == "r":
            value = ops.relu(value)
        elif step == "s":
            value = ops.sigmoid(value)
        else:
            operation = ops.add if step == "+" else ops.multiply
            value = operation(value, numbers(1, 1 if step == "1" else channels, 1, 1))
    kernel = numbers(channels, 1, inner, inner)
    grown = ops.convolution_backprop_data(value, kernel, [inner, inner])
    return ov.Model([ops.sigmoid(grown)], [image], "head")


@pytest.mark.parametrize(("outer", "inner"), [(2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("steps", ["", "r", "+r", "*+r", "r+", "1+"])
def test_two_in_a_row_have_one_depth_to_space(outer: int, inner: int, steps: str) -> None:
    expected = answer(head(outer, inner, steps))
    changed = head(outer, inner, steps)
    split_upsampling(changed)
    assert "ConvolutionBackpropData" not in kinds(changed)
    assert kinds(changed).count("DepthToSpace") == 1
    assert expected.shape == (1, 1, 7 * outer * inner, 9 * outer * inner)
    assert expected.std() > 0.01
    np.testing.assert_allclose(answer(changed), expected, atol=1e-6)


def test_other_operations_between_two_leave_the_first_unchanged() -> None:
    expected = answer(head(2, 2, "+s"))
    changed = head(2, 2, "+s")
    split_upsampling(changed)
    assert kinds(changed).count("ConvolutionBackpropData") == 1
    assert kinds(changed).count("DepthToSpace") == 1
    np.testing.assert_allclose(answer(changed), expected, atol=1e-6)


@pytest.mark.parametrize("name", INSTALLED)
def test_detection_gives_the_same_map(name: str) -> None:
    core, file = OpenVinoRuntime().core, catalogue_set(name).det.file
    image = np.random.default_rng(4).uniform(-2, 2, (1, 3, 96, 160)).astype(np.float32)
    answers = []
    for change in (False, True):
        model = read_graph(core, file)
        if change:
            assert kinds(model).count("ConvolutionBackpropData") == 2
            split_upsampling(model)
            assert kinds(model).count("ConvolutionBackpropData") == LEFT[name]
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        answers.append(np.array(compiled(image)[0]))
    assert answers[0].std() > 0
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-5)
