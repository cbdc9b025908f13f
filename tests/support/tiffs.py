"""TIFFs and BigTIFFs in both byte orders, written tag by tag."""

from __future__ import annotations

import struct
from collections.abc import Mapping

SHORT, LONG, LONG8 = 3, 4, 16
ORDERS = {"little-endian": "<", "big-endian": ">"}


def grey_tiff(
    rows: list[list[int]],
    *,
    order: str = "<",
    big: bool = False,
    white_is_zero: bool = False,
    pages: int = 1,
    more: Mapping[int, int] | None = None,
) -> bytes:
    """A TIFF of 16-bit grey, uncompressed; more: values of other tags, of 16 bits."""
    height, width = len(rows), len(rows[0])
    pixels = struct.pack(f"{order}{width * height}H", *(value for row in rows for value in row))
    shorts = {256: width, 257: height, 258: 16, 259: 1, 262: 0 if white_is_zero else 1}
    shorts |= {277: 1, 278: height, **(more or {})}
    count, offset, wide = ("Q", "Q", LONG8) if big else ("H", "I", LONG)
    entry_bytes, head_bytes = (20, 16) if big else (12, 8)
    page_bytes = struct.calcsize("<" + count) + entry_bytes * (len(shorts) + 2)
    page_bytes += struct.calcsize("<" + offset)
    pixels_at = head_bytes + pages * page_bytes
    entries = {tag: (SHORT, value) for tag, value in shorts.items()}
    entries |= {273: (wide, pixels_at), 279: (wide, len(pixels))}
    directory = struct.pack(order + count, len(entries))
    for tag, (kind, value) in sorted(entries.items()):
        packed = struct.pack(order + ("H" if kind == SHORT else offset), value)
        directory += struct.pack(f"{order}HH{offset}", tag, kind, 1)
        directory += packed.ljust(8 if big else 4, b"\0")
    head = b"II" if order == "<" else b"MM"
    head += struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    ends = [*range(head_bytes + page_bytes, pixels_at, page_bytes), 0]
    return head + b"".join(directory + struct.pack(order + offset, at) for at in ends) + pixels
