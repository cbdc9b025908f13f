"""Moves normalization into the graph: its input becomes pixels as OpenCV stores them.

The input is one byte per value instead of four in float32, and the CPU plugin normalizes in one
pass. A fixed batch of one also lets it fuse more operations (docs/decisions/0022).
"""

from __future__ import annotations

import openvino as ov
from openvino.preprocess import PrePostProcessor

from ocr_engine.runtimes.session import Normalization

ONE_IMAGE = ov.PartialShape([1, 3, -1, -1])


def take_pixels(graph: ov.Model, normalization: Normalization) -> ov.Model:
    """Change the input from ONE_IMAGE in float32 to (1, h, w, 3) uint8, and normalize it."""
    _, _, height, width = graph.input(0).partial_shape
    graph.reshape(ov.PartialShape([1, 3, height, width]))
    changes = PrePostProcessor(graph)
    changes.input().model().set_layout(ov.Layout("NCHW"))
    changes.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps = changes.input().preprocess().convert_layout(ov.Layout("NCHW"))
    steps = steps.convert_element_type(ov.Type.f32)
    steps.mean([255 * mean for mean in normalization.mean])
    steps.scale([255 * std for std in normalization.std])
    return changes.build()
