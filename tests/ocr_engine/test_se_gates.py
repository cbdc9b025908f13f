"""A channel times its gate, plus the channel: the same in one step, and only where it may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.runtimes.openvino.graph.se_gates import join_gates
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime, read_graph
from ocr_engine.runtimes.session import FloatArray

CHANNELS = 6


def graph(product_first: bool, gate_first: bool, gate_axes: tuple[int, ...] = (2, 3)) -> Any:
    """x * gate + x, where the gate is made of the means over the axes."""
    picture = ops.parameter(ov.PartialShape([1, CHANNELS, -1, -1]), np.float32, name="picture")
    means = ops.reduce_mean(picture, np.array(gate_axes), keep_dims=True)
    gate = ops.sigmoid(means)
    product = ops.multiply(*((gate, picture) if gate_first else (picture, gate)))
    total = ops.add(*((product, picture) if product_first else (picture, product)))
    return ov.Model([ops.relu(total)], [picture], "gated")


def answer(of: Any) -> FloatArray:
    picture = np.random.default_rng(3).uniform(-2, 2, (1, CHANNELS, 7, 9))
    model = ov.Core().compile_model(of, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(model(picture.astype(np.float32))[0])


def sums_of_pixels(of: Any) -> int:
    """How many sums there are of two values that both have rows and columns of pixels."""
    return sum(
        node.get_type_name() == "Add"
        and not any(
            node.input_value(place).get_node().get_type_name() == "Constant" for place in (0, 1)
        )
        for node in of.get_ordered_ops()
    )


@pytest.mark.parametrize("product_first", [True, False])
@pytest.mark.parametrize("gate_first", [True, False])
def test_a_gate_with_a_way_round_it_is_one_product(product_first: bool, gate_first: bool) -> None:
    expected = answer(graph(product_first, gate_first))
    changed = graph(product_first, gate_first)
    assert sums_of_pixels(changed) == 1
    join_gates(changed)
    assert sums_of_pixels(changed) == 0
    assert expected.std() > 0.1
    np.testing.assert_allclose(answer(changed), expected, atol=1e-6)


def test_what_has_several_numbers_for_a_channel_is_no_gate() -> None:
    changed = graph(True, False, gate_axes=(1,))
    join_gates(changed)
    assert sums_of_pixels(changed) == 1


def test_a_sum_with_something_else_stays() -> None:
    picture = ops.parameter(ov.PartialShape([1, CHANNELS, -1, -1]), np.float32, name="picture")
    gate = ops.sigmoid(ops.reduce_mean(picture, np.array((2, 3)), keep_dims=True))
    total = ops.add(ops.multiply(picture, gate), ops.relu(picture))
    changed = ov.Model([total], [picture], "other")
    join_gates(changed)
    assert sums_of_pixels(changed) == 1


def test_detection_has_eight_of_them_and_gives_the_same_map() -> None:
    core, file = OpenVinoRuntime().core, catalogue_set("PP-OCRv6_small").det.file
    picture = np.random.default_rng(4).uniform(-2, 2, (1, 3, 96, 160)).astype(np.float32)
    plain, changed = read_graph(core, file), read_graph(core, file)
    join_gates(changed)
    assert sums_of_pixels(plain) - sums_of_pixels(changed) == 8
    maps = [
        np.array(core.compile_model(each, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(picture)[0])
        for each in (plain, changed)
    ]
    assert maps[0].std() > 0
    np.testing.assert_allclose(maps[1], maps[0], atol=1e-5)
