"""Whether a file is an AVIF or a HEIC, and its size, from the boxes in front of its pixels.

Both are containers of ISO/IEC 14496-12. Trusts no length field.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ocr_engine.errors import InvalidImage

BRANDS_END = 64  # brands after these bytes are not looked at

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIC_BRANDS |= {b"mif1", b"mif2", b"msf1"}  # any codec; nearly always HEVC if AV1 is not named
_MAX_BOXES = 10_000  # of one level
_HEADER_BYTES = 8
_FULL_BOX_BYTES = 4  # version and flags
# An item of type Exif in an item information box, of version 2 or 3.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{3}.{2}|\x03.{3}.{4}).{2})Exif", re.DOTALL)
_NO_ITEM = rb"\1free"


@dataclass(frozen=True, slots=True)
class Box:
    """A box of this type whose content is data[body:end]."""

    kind: bytes
    body: int
    end: int


def brand_format(data: bytes) -> str | None:
    """AVIF or HEIC, if a file with this start claims to be one."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4]), BRANDS_END)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else None


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in data[start:end], at most _MAX_BOXES; the last one may extend past the end."""
    for _ in range(_MAX_BOXES):
        if start + _HEADER_BYTES > min(end, len(data)):
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + _HEADER_BYTES
        if size == 1:  # 64 bits
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = start + size if size else end
        if stop < body:
            raise InvalidImage("the file has a box of impossible length")
        yield Box(kind, body, stop)
        start = stop


def largest_size(data: bytes) -> tuple[int, int]:
    """Width and height of the largest image in the file, as its properties claim.

    The largest one is the main image; others are its tiles, its thumbnail or its depth map.
    struct.error if the properties are cut off, InvalidImage if there are none.
    """
    meta = _find(data, b"meta", 0, len(data))
    properties = _find(data, b"iprp", meta.body + _FULL_BOX_BYTES, meta.end)
    container = _find(data, b"ipco", properties.body, properties.end)
    sizes = [
        struct.unpack_from(">II", data, box.body + _FULL_BOX_BYTES)
        for box in boxes(data, container.body, container.end)
        if box.kind == b"ispe"
    ]
    if not sizes:
        raise InvalidImage("the file has no image size")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return width, height


def without_exif(data: bytes) -> bytes:
    """The file without its EXIF, on which Pillow may raise; all other bytes stay in their places.

    The orientation in the EXIF is not needed: these files have properties for it, and the standards
    forbid readers to use the EXIF instead.
    """
    try:
        meta = _find(data, b"meta", 0, len(data))
    except (InvalidImage, struct.error):
        return data
    content = data[meta.body : meta.end]
    return data[: meta.body] + _EXIF_ITEM.sub(_NO_ITEM, content) + data[meta.end :]


def _find(data: bytes, kind: bytes, start: int, end: int) -> Box:
    """The first box of this type; struct.error if the file ends before it, or in it."""
    for box in boxes(data, start, end):
        if box.kind == kind:
            if box.end > end:
                raise struct.error("cut off")
            return box
    raise struct.error("cut off")
