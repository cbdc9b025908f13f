"""A graph that takes pixels as OpenCV has them, and makes its tensor of them itself.

One byte for each value goes in, where a tensor in float32 has four, and the CPU plugin normalises
in one pass. Knowing that there is one image, it also joins more operations (docs/decisions/0022).
"""

from __future__ import annotations

import openvino as ov
from openvino.preprocess import PrePostProcessor

from ocr_engine.runtimes.session import Normalization

ONE_IMAGE = ov.PartialShape([1, 3, -1, -1])


def take_pixels(graph: ov.Model, normalization: Normalization) -> ov.Model:
    """The graph, from ONE_IMAGE in float32 changed to (1, h, w, 3) uint8 and normalisation."""
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
