"""Images as other programs write them: the clipboard of Windows, faxes, JPEGs of many scans."""

from __future__ import annotations

import re
import struct
from typing import Any

from PIL import Image

from image_structures import bmp
from plain_images import drawn, saved

END_OF_IMAGE = b"\xff\xd9"
BMP_HEADERS = {"V4": 104, "V5": 120}  # bytes, without the length


def bmp32(header: int, width: int, pixels: list[tuple[int, int, int, int]]) -> bytes:
    """A BMP of rows (R, G, B, A) from below, with masks for all four, as on the clipboard."""
    height = len(pixels) // width
    info = struct.pack("<iiHHIIiiII", width, height, 1, 32, 3, 4 * len(pixels), 0, 0, 0, 0)
    info += struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    return bmp(info.ljust(header, b"\0"), b"".join(bytes((b, g, r, a)) for r, g, b, a in pixels))


def jpeg(mode: str, **options: Any) -> bytes:
    """The drawn text as a JPEG."""
    data = saved(drawn().convert(mode), "JPEG", **options)
    assert data.endswith(END_OF_IMAGE)
    return data


def with_scans(count: int) -> bytes:
    """A progressive JPEG with so many scans: its last one, again and again."""
    whole = jpeg("L", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", whole)]
    return whole[:-2] + whole[scans[-1] : -2] * (count - len(scans)) + END_OF_IMAGE


def fax(dpi: tuple[float, float], file_format: str = "TIFF", **options: Any) -> bytes:
    """The drawn text, scanned with this resolution; its letters have the same size on paper."""
    wide = drawn()
    height = round(wide.height * dpi[1] / dpi[0])
    image = wide.resize((wide.width, height), Image.Resampling.BOX)
    return saved(image, file_format, dpi=dpi, **options)
