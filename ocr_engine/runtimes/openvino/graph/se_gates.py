"""Squeeze and excitation with a way round it, in one pass over the pixels.

Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018: each channel is multiplied with its gate.
Where the channel itself is added, x * gate + x, as in PaddleOCR's RSE-FPN, x * (gate + 1) reads and
writes the pixels once instead of twice; in 32 bits they differ by rounding only.
"""

from __future__ import annotations

import openvino as ov
from openvino import opset13 as ops

from ocr_engine.runtimes.openvino.graph.rewrite import passed_on, replace_output


def join_gates(graph: ov.Model) -> None:
    """Change all such sums."""
    for node in graph.get_ordered_ops():
        joined = _joined(node)
        if joined is not None:
            replace_output(node, joined)
    graph.validate_nodes_and_infer_types()


def _joined(node: ov.Node) -> ov.Output | None:
    """For x * gate + x, in whatever order, x * (gate + 1); None for all else."""
    if node.get_type_name() != "Add":
        return None
    terms = [passed_on(node.input_value(place)) for place in (0, 1)]
    for whole, product in (terms, terms[::-1]):
        if product.get_node().get_type_name() != "Multiply":
            continue
        factors = [passed_on(product.get_node().input_value(place)) for place in (0, 1)]
        for same, gate in (factors, factors[::-1]):
            if same == whole and _is_gate(gate):
                return ops.multiply(whole, ops.add(gate, ops.constant(1.0, ov.Type.f32))).output(0)
    return None


def _is_gate(value: ov.Output) -> bool:
    """Whether there is one number for each channel."""
    shape = value.get_partial_shape()
    return (
        shape.rank.is_static
        and len(shape) == 4
        and all(side.is_static and side.get_length() == 1 for side in list(shape)[2:])
    )
