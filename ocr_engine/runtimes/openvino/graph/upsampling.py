"""Rewrites a DB model's upsampling in operations that OpenVINO's CPU plugin computes faster.

A transposed convolution whose kernel is as large as its stride turns each pixel into one square. It
is equivalent to a 1x1 convolution to the square's pixels followed by depth-to-space (Shi et al.,
"Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", CVPR 2016). For a single output channel the plugin computes a transposed convolution one
pixel at a time, and everything after it, too, such as the sigmoid of DB's text map.

DB's head has two such convolutions in a row. The operations between them are per pixel, so
depth-to-space is needed only once, at the end: the second convolution is applied to each pixel of
the first one's squares.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from ocr_engine.runtimes.openvino.graph.rewrite import replace_output, skip_nodes

Weights = npt.NDArray[np.float32]


def split_upsampling(graph: ov.Model) -> None:
    """Rewrite each transposed convolution to a single channel, and the one before it."""
    for node in filter(_is_last_upsampling, graph.get_ordered_ops()):
        replace_output(node, _split(node))
    graph.validate_nodes_and_infer_types()


def _is_last_upsampling(node: ov.Node) -> bool:
    return _is_upsampling(node) and _weights(node).shape[1] == 1


def _is_upsampling(node: ov.Node) -> bool:
    """Whether it is a transposed convolution whose squares do not overlap."""
    if node.get_type_name() != "ConvolutionBackpropData" or node.get_input_size() != 2:
        return False
    weights = node.input_value(1).get_node()
    if weights.get_type_name() != "Constant" or len(weights.shape) != 4:
        return False
    _, _, *kernel = weights.shape
    of = node.get_attributes()
    return (
        kernel[0] == kernel[1]
        and list(of["strides"]) == kernel
        and set(of["dilations"]) == {1}
        and not any((*of["pads_begin"], *of["pads_end"], *of["output_padding"]))
        and of["auto_pad"].lower() in ("explicit", "notset", "valid")
    )


def _split(node: ov.Node) -> ov.Output:
    """The output of node, computed by 1x1 convolutions and one depth-to-space at the end."""
    pixels = _pixel_weights(_weights(node))
    side = _weights(node).shape[2]
    before, between = _before(node)
    if not _is_upsampling(before):
        return _depth_to_space(_convolution(node.input_value(0), pixels), side)
    outer = _weights(before).shape[2]
    squares = _convolution(before.input_value(0), _pixel_weights(_weights(before)))
    for each in between:
        squares = _per_square(each, squares, outer * outer)
    return _depth_to_space(
        _convolution(squares, _per_pixel_weights(pixels, outer, side)), outer * side
    )


def _before(node: ov.Node) -> tuple[ov.Node, list[ov.Node]]:
    """The node that an operation's input comes from, and the per-pixel operations in between.

    The operations are in the order in which they are computed.
    """
    steps: list[ov.Node] = []
    source = skip_nodes(node.input_value(0)).get_node()
    while source.get_type_name() == "Relu" or _channel_values(source) is not None:
        steps.insert(0, source)
        source = skip_nodes(source.input_value(0)).get_node()
    return source, steps


def _channel_values(node: ov.Node) -> Weights | None:
    """The constant of a per-channel Add or Multiply, (1, channels or 1, 1, 1), or None."""
    if node.get_type_name() not in ("Add", "Multiply"):
        return None
    values = skip_nodes(node.input_value(1)).get_node()
    if values.get_type_name() != "Constant" or len(values.shape) != 4:
        return None
    batch, _, *sides = values.shape
    return np.asarray(values.data) if {batch, *sides} == {1} else None


def _per_square(step: ov.Node, squares: ov.Output, times: int) -> ov.Output:
    """Apply an operation between two upsamplings to squares whose pixels are channels."""
    values = _channel_values(step)
    if values is None:
        return ops.relu(squares).output(0)
    channels = squares.get_partial_shape()[1].get_length() // times
    of_pixel = np.broadcast_to(values, (1, channels, 1, 1))  # there may be one for all channels
    of_squares = ops.constant(np.tile(of_pixel, (1, times, 1, 1)))
    operation = ops.add if step.get_type_name() == "Add" else ops.multiply
    return operation(squares, of_squares).output(0)


def _pixel_weights(weights: Weights) -> Weights:
    """(inputs, channels, side, side) as (side * side * channels, inputs).

    Output (i * side + j) * channels + c is channel c of the square's row i, column j.
    """
    inputs, channels, side, _ = weights.shape
    pixels: Weights = weights.transpose(2, 3, 1, 0).reshape(side * side * channels, inputs)
    return pixels


def _per_pixel_weights(weights: Weights, outer: int, inner: int) -> Weights:
    """Apply the weights (inner * inner, channels) to each of outer * outer pixels separately.

    Returns (side * side, outer * outer * channels), where side is outer * inner.
    """
    channels = weights.shape[1]
    each = np.zeros((outer, inner, outer, inner, outer, outer, channels), dtype=np.float32)
    for row in range(outer):
        for column in range(outer):
            each[row, :, column, :, row, column] = weights.reshape(inner, inner, channels)
    return each.reshape((outer * inner) ** 2, outer * outer * channels)


def _convolution(source: ov.Output, weights: Weights) -> ov.Output:
    kernel = ops.constant(np.ascontiguousarray(weights)[:, :, None, None])
    return ops.convolution(source, kernel, [1, 1], [0, 0], [0, 0], [1, 1]).output(0)


def _depth_to_space(squares: ov.Output, side: int) -> ov.Output:
    return ops.depth_to_space(squares, "blocks_first", side).output(0)


def _weights(node: ov.Node) -> Weights:
    return np.asarray(node.input_value(1).get_node().data)
