"""INT8 in OpenVINO: rounds weights and activations to 8 bits in expensive operations.

A FakeQuantize before an operation makes the CPU plugin compute it in INT8. Activations get 256
levels in a measured range (tools/calibrate.py), weights 255 levels around zero for each output
channel: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018.

A CPU without VNNI adds pairs of products in 16 bits with saturation. There the weights' levels are
so wide that no pair saturates, and matrix products stay in f32, which is faster
(docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from ocr_engine.runtimes.openvino.graph.rewrite import skip_nodes

_ACTIVATION_STEPS = 255
_WEIGHT_LEVELS = 255
_TOGETHER = 4  # oneDNN adds products in pairs within so many consecutive inputs
_SMALLEST = 1e-8


def quantizable(graph: ov.Model) -> list[ov.Node]:
    """Convolutions and matrix products with constant weights, which take most of the time.

    Excludes those on a single pixel (squeeze and excitation) and depthwise convolutions.
    """
    return [node for node in graph.get_ordered_ops() if _is_worth_it(node)]


def quantize(
    graph: ov.Model, ranges: Mapping[str, tuple[float, float]], vnni: bool = True
) -> set[str]:
    """Make operations that have a range run in INT8; returns their names.

    vnni: whether the CPU adds products in 32 bits; without it, only convolutions are changed.
    """
    rounded: dict[tuple[str, int], ov.Output] = {}
    done = set()
    for node in quantizable(graph):
        name = node.get_friendly_name()
        if name not in ranges or not (vnni or node.get_type_name() == "Convolution"):
            continue
        source = node.input_value(0)
        key = (source.get_node().get_friendly_name(), source.get_index())
        if key not in rounded:
            rounded[key] = _rounded_activation(source, *ranges[name])
        node.input(0).replace_source_output(rounded[key])
        node.input(1).replace_source_output(_rounded_weights(node, vnni))
        done.add(name)
    graph.validate_nodes_and_infer_types()
    return done


def _is_worth_it(node: ov.Node) -> bool:
    kind = node.get_type_name()
    if kind not in ("Convolution", "MatMul") or _weights(node) is None:
        return False
    sides = list(node.input(0).get_partial_shape())[2:]
    return kind == "MatMul" or any(side.is_dynamic or side.get_length() > 1 for side in sides)


def _weights(node: ov.Node) -> np.ndarray | None:
    """The constant weights of an operation, looking through Identity and Convert nodes."""
    source = skip_nodes(node.input_value(1), ("Identity", "Convert")).get_node()
    return np.asarray(source.data) if source.get_type_name() == "Constant" else None


def _rounded_activation(source: ov.Output, low: float, high: float) -> ov.Output:
    """256 levels from low to high, one of them exactly zero."""
    low, high = min(low, 0.0), max(high, _SMALLEST)
    step = (high - low) / _ACTIVATION_STEPS
    low = -round(-low / step) * step
    high = low + _ACTIVATION_STEPS * step
    shape = [1] * source.get_partial_shape().rank.get_length()
    limits = [ops.constant(np.full(shape, value, dtype=np.float32)) for value in (low, high)]
    return ops.fake_quantize(source, *limits, *limits, _ACTIVATION_STEPS + 1).output(0)


def _rounded_weights(node: ov.Node, vnni: bool) -> ov.Output:
    """255 levels around zero, scaled for each output channel."""
    weights = _weights(node)
    assert weights is not None, "quantizable() has checked"
    channel = 0
    if node.get_type_name() == "MatMul":
        channel = weights.ndim - (2 if node.get_attributes()["transpose_b"] else 1)
    others = tuple(axis for axis in range(weights.ndim) if axis != channel)
    widest = np.abs(weights.astype(np.float32)).max(axis=others, keepdims=True)
    if not vnni:
        widest = np.maximum(widest, _largest_pairs(weights))
    limits = [ops.constant(sign * np.maximum(widest, _SMALLEST)) for sign in (-1, 1)]
    return ops.fake_quantize(node.input_value(1), *limits, *limits, _WEIGHT_LEVELS).output(0)


def _largest_pairs(weights: np.ndarray) -> np.ndarray:
    """For each output channel, the largest sum of two weights whose products are added in 16 bits.

    weights: of a convolution, (outputs, inputs, height, width) float32; returns (outputs, 1, 1, 1).
    With this range, 255 times a pair of weights of one sign is at most 255 x 128 < 2^15. A pair of
    different signs sums to less than the larger one alone.
    """
    outputs, inputs, *kernel = weights.shape
    padded = np.zeros((outputs, -(-inputs // _TOGETHER) * _TOGETHER, *kernel), dtype=np.float32)
    padded[:, :inputs] = weights
    rows = [padded[:, first::_TOGETHER].reshape(outputs, -1) for first in range(_TOGETHER)]
    sums = [np.abs(one + other).max(axis=1) for one, other in combinations(rows, 2)]
    largest: np.ndarray = np.max(sums, axis=0)
    return largest.reshape(-1, 1, 1, 1)
