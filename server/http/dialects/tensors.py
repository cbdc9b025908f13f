"""Tensors of the Open Inference Protocol (KServe v2) in requests and answers, without numpy.

The protocol: kserve/open-inference-protocol, inference_rest.md, and its extension for binary data,
in which the JSON is followed by the raw tensors.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.errors import BadField, BadRequest
from server.formats.json_text import dump
from server.intake.body_rules import TOLERANT_RULES
from server.intake.text_bodies import parse_json

HEADER_LENGTH = "Inference-Header-Content-Length"
_TIFF_START = b"II*\0"
_SHORT, _LONG = 3, 4  # types of TIFF
_DATA_AT = 8  # in a TIFF: after its header


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input. data: raw bytes, or the values of the JSON."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes | Sequence[Any]

    def texts(self) -> list[bytes]:
        """The elements of a tensor of the type BYTES; BadField."""
        if self.datatype != "BYTES":
            raise BadField(f"{self.name} must have the datatype BYTES")
        if not isinstance(self.data, bytes):
            return [str(each).encode("utf-8", "replace") for each in self.data]
        found, place = [], 0
        while place + 4 <= len(self.data):
            (size,) = struct.unpack_from("<I", self.data, place)
            found.append(self.data[place + 4 : place + 4 + size])
            place += 4 + size
        if place != len(self.data):
            raise BadField(f"{self.name}: the elements do not end where the tensor ends")
        return found


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What was sent: the JSON, and its inputs by name."""

    head: Mapping[str, Any]
    inputs: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Output:
    """A tensor of an answer. values: flat; raw: the same as bytes."""

    name: str
    datatype: str
    shape: Sequence[int]
    values: Sequence[Any]
    raw: bytes


def parse_request(body: bytes, header_length: str | None) -> InferRequest:
    """Parse a body; header_length: bytes of JSON before the binary data. BadRequest or BadField."""
    if header_length is None:
        length = len(body)
    elif header_length.isascii() and header_length.isdigit() and int(header_length) <= len(body):
        length = int(header_length)
    else:
        raise BadRequest(f"{HEADER_LENGTH} is not the number of bytes of JSON in the body")
    head = parse_json(body[:length], TOLERANT_RULES)
    inputs: dict[str, Tensor] = {}
    for each in head.get("inputs") or ():
        tensor, length = _tensor(each, body, length)
        inputs[tensor.name] = tensor
    return InferRequest(head, inputs)


def floats(name: str, shape: Sequence[int], values: Sequence[float]) -> Output:
    """A tensor of the type FP32."""
    return Output(name, "FP32", shape, values, struct.pack(f"<{len(values)}f", *values))


def texts(name: str, values: Sequence[str]) -> Output:
    """A tensor of the type BYTES."""
    encoded = [value.encode("utf-8", "replace") for value in values]
    raw = b"".join(struct.pack("<I", len(each)) + each for each in encoded)
    return Output(name, "BYTES", [len(values)], values, raw)


def written(
    envelope: Mapping[str, Any], outputs: Sequence[Output], asked: Mapping[str, Any]
) -> tuple[bytes, int | None]:
    """The body of an answer, and the bytes of JSON in it; None if it has no binary data.

    asked: the JSON of the request, which names the outputs, and says which of them are binary.
    """
    wanted = {each.get("name"): each.get("parameters") or {} for each in asked.get("outputs") or ()}
    all_binary = bool((asked.get("parameters") or {}).get("binary_data_output"))
    shown, raw = [], []
    for output in outputs:
        if wanted and output.name not in wanted:
            continue
        entry: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": output.shape,
        }
        if wanted.get(output.name, {}).get("binary_data", all_binary):
            entry["parameters"] = {"binary_data_size": len(output.raw)}
            raw.append(output.raw)
        else:
            entry["data"] = output.values
        shown.append(entry)
    head = dump({**envelope, "outputs": shown})
    return b"".join((head, *raw)), len(head) if raw else None


def tiff_of(pixels: bytes, width: int, height: int) -> bytes:
    """An uncompressed TIFF of RGB pixels, row by row: the pixels with a few bytes around them."""
    after = _DATA_AT + len(pixels) + len(pixels) % 2
    bits_at = after
    directory_at = bits_at + 6
    entries = [
        (256, _LONG, 1, width),
        (257, _LONG, 1, height),
        (258, _SHORT, 3, bits_at),  # bits per sample
        (259, _SHORT, 1, 1),  # not compressed
        (262, _SHORT, 1, 2),  # RGB
        (273, _LONG, 1, _DATA_AT),
        (277, _SHORT, 1, 3),  # samples per pixel
        (278, _LONG, 1, height),  # rows per strip
        (279, _LONG, 1, len(pixels)),
    ]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = _TIFF_START + struct.pack("<I", directory_at)
    bits = struct.pack("<HHH", 8, 8, 8)
    return b"".join((head, pixels, b"\0" * (len(pixels) % 2), bits, directory, bytes(4)))


def _tensor(given: Any, body: bytes, place: int) -> tuple[Tensor, int]:
    """An input, and where the binary data of the next one begins."""
    try:
        name, datatype = str(given["name"]), str(given["datatype"])
        shape = tuple(int(size) for size in given["shape"])
        size = (given.get("parameters") or {}).get("binary_data_size")
        if size is None:
            return Tensor(name, datatype, shape, _flat(given["data"])), place
        end = place + int(size)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise BadField("inputs: each needs name, datatype, shape, and data or its size") from None
    if not place <= end <= len(body):
        raise BadField(f"inputs: the body ends before the data of {name}")
    return Tensor(name, datatype, shape, body[place:end]), end


def _flat(data: Any) -> list[Any]:
    """Values that may be nested as the shape says."""
    if not isinstance(data, list):
        raise TypeError("no list")
    return [value for each in data for value in (_flat(each) if isinstance(each, list) else [each])]
