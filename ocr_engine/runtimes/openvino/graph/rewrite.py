"""Graph-rewriting helpers."""

from __future__ import annotations

from collections.abc import Collection

import openvino as ov


def skip_nodes(value: ov.Output, through: Collection[str] = ("Identity",)) -> ov.Output:
    """The value in front of any nodes of these types, which only pass it on."""
    while value.get_node().get_type_name() in through:
        value = value.get_node().input_value(0)
    return value


def replace_output(node: ov.Node, value: ov.Output) -> None:
    """Connect the value to all consumers of the node's first output."""
    for target in node.output(0).get_target_inputs():
        target.replace_source_output(value)
