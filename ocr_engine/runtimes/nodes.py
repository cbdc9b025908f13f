"""What the changes to OpenVINO's graphs have in common."""

from __future__ import annotations

import openvino as ov


def passed_on(value: ov.Output) -> ov.Output:
    """The value behind nodes that only pass it on."""
    while value.get_node().get_type_name() == "Identity":
        value = value.get_node().input_value(0)
    return value
