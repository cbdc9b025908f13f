"""A DB model's last upsampling, in operations that OpenVINO's CPU plugin computes faster.

A transposed convolution whose kernel is as large as its stride gives each pixel a square of its
own: it is a 1x1 convolution to the square's pixels, which are then laid out (Shi et al., "Real-Time
Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network",
CVPR 2016). The values are the same. To a single channel the plugin computes the former one pixel at
a time, and so all that follows it, such as the sigmoid of DB's map.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def split_upsampling(graph: ov.Model) -> None:
    """Change all such transposed convolutions to a single channel."""
    for node in filter(_is_upsampling, graph.get_ordered_ops()):
        squares = _split(node)
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(squares)
    graph.validate_nodes_and_infer_types()


def _is_upsampling(node: ov.Node) -> bool:
    """Whether the squares of a transposed convolution to one channel lie side by side."""
    if node.get_type_name() != "ConvolutionBackpropData" or node.get_input_size() != 2:
        return False
    weights = node.input_value(1).get_node()
    if weights.get_type_name() != "Constant" or len(weights.shape) != 4:
        return False
    _, channels, *kernel = weights.shape
    of = node.get_attributes()
    return (
        channels == 1
        and kernel[0] == kernel[1]
        and list(of["strides"]) == kernel
        and set(of["dilations"]) == {1}
        and not any((*of["pads_begin"], *of["pads_end"], *of["output_padding"]))
        and of["auto_pad"].lower() in ("explicit", "notset", "valid")
    )


def _split(node: ov.Node) -> ov.Output:
    """The same from a 1x1 convolution; its channel i * side + j is the square's row i, column j."""
    weights = np.asarray(node.input_value(1).get_node().data)
    inputs, _, side, _ = weights.shape
    pixels = np.ascontiguousarray(weights.reshape(inputs, side * side).T)[:, :, None, None]
    squares = ops.convolution(
        node.input_value(0), ops.constant(pixels), [1, 1], [0, 0], [0, 0], [1, 1]
    )
    return ops.depth_to_space(squares, "blocks_first", side).output(0)
