"""Writes small ONNX models, without the package onnx: a graph is a few nested protobuf messages.

Field numbers are those of onnx.proto (ONNX, Apache-2.0).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

OPSET = 13
IR_VERSION = 8
_FLOAT, _INT64 = 1, 7
_IS_FLOAT, _IS_INT, _IS_INTS = 1, 2, 7  # AttributeProto.type

Attribute = float | int | Sequence[int]
Constant = Sequence[float] | Sequence[int]


@dataclass(frozen=True)
class Node:
    """One operation; attributes as in the documentation of ONNX."""

    kind: str
    inputs: Sequence[str]
    output: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A graph from `image` (1, channels, height, width) to `answer`.

    sizes: of the input; None is free. constants: values with their shapes.
    """

    nodes: Sequence[Node]
    sizes: Sequence[int | None]
    constants: Mapping[str, tuple[Constant, Sequence[int]]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write inference.onnx into a folder, and return the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "inference.onnx").write_bytes(self._model())
        return folder

    def _model(self) -> bytes:
        graph = b"".join(
            (
                *(_message(1, _node(node)) for node in self.nodes),
                _text(2, "made"),
                *(_message(5, _tensor(name, *given)) for name, given in self.constants.items()),
                _message(11, _value("image", self.sizes)),
                _message(12, _value("answer", None)),
            )
        )
        properties = (_text(1, key) + _text(2, value) for key, value in self.metadata.items())
        return b"".join(
            (
                _number(1, IR_VERSION),
                _message(7, graph),
                _message(8, _text(1, "") + _number(2, OPSET)),
                *(_message(14, each) for each in properties),
            )
        )


def _node(node: Node) -> bytes:
    attributes = (_message(5, _attribute(*each)) for each in node.attributes.items())
    inputs = b"".join(_text(1, name) for name in node.inputs)
    return inputs + _text(2, node.output) + _text(4, node.kind) + b"".join(attributes)


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + b"\x15" + struct.pack("<f", value) + _number(20, _IS_FLOAT)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _IS_INT)
    return _text(1, name) + b"".join(_number(8, n) for n in value) + _number(20, _IS_INTS)


def _tensor(name: str, values: Constant, shape: Sequence[int]) -> bytes:
    whole = all(isinstance(value, int) for value in values)
    raw = struct.pack(f"<{len(values)}{'q' if whole else 'f'}", *values)
    sizes = b"".join(_number(1, size) for size in shape)
    return sizes + _number(2, _INT64 if whole else _FLOAT) + _text(8, name) + _message(9, raw)


def _value(name: str, sizes: Sequence[int | None] | None) -> bytes:
    """A float tensor; sizes of None: of any shape."""
    tensor = _number(1, _FLOAT)
    if sizes is not None:
        dimensions = (
            _text(2, f"size{place}") if size is None else _number(1, size)
            for place, size in enumerate(sizes)
        )
        tensor += _message(2, b"".join(_message(1, each) for each in dimensions))
    return _text(1, name) + _message(2, _message(1, tensor))


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & (1 << 64) - 1)


def _varint(value: int) -> bytes:
    encoded = b""
    while value >= 0x80:
        encoded += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return encoded + bytes((value,))
