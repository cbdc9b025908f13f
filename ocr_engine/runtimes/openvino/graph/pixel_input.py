"""Moves normalization into the graph: its input becomes pixels as OpenCV stores them.

The input is one byte per value instead of four in float32, and the CPU plugin normalizes in one
pass. A fixed batch of one also lets it fuse more operations (docs/decisions/0022).
"""

from __future__ import annotations

import openvino as ov
from openvino.preprocess import PrePostProcessor

from ocr_engine.runtimes.session import Normalization

ONE_IMAGE = ov.PartialShape([1, 3, -1, -1])
ONE_GRAY_IMAGE = ov.PartialShape([1, 1, -1, -1])


def take_pixels(graph: ov.Model, normalization: Normalization) -> ov.Model:
    """Change the input from an image in float32 to (1, h, w, c) uint8, and normalize it."""
    _, _, height, width = graph.input(0).partial_shape
    channels = channels_of(graph) or 3
    graph.reshape(ov.PartialShape([1, channels, height, width]))
    changes = PrePostProcessor(graph)
    changes.input().model().set_layout(ov.Layout("NCHW"))
    changes.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps = changes.input().preprocess().convert_layout(ov.Layout("NCHW"))
    steps = steps.convert_element_type(ov.Type.f32)
    steps.mean([255 * mean for mean in normalization.mean[:channels]])
    steps.scale([255 * std for std in normalization.std[:channels]])
    return changes.build()


def channels_of(graph: ov.Model) -> int | None:
    """The channels of the input; None if the model accepts any number."""
    channels = graph.input(0).partial_shape[1]
    return channels.get_length() if channels.is_static else None
