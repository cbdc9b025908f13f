"""Image orientation, from EXIF tag 0x112 or else from XMP; all other metadata is ignored."""

from __future__ import annotations

import re
import struct

from PIL import Image

from ocr_engine.images.tiff_directory import read_directory

ORIENTATION = 0x112
UPRIGHT = 1
SIDEWAYS = frozenset({5, 6, 7, 8})  # width and height change places

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PREFIX = b"Exif\0\0"
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """The EXIF orientation, 1 to 8; from XMP if EXIF has none; UPRIGHT if neither has one."""
    found = _orientation_in_exif(exif)
    if found is None and (in_xmp := _IN_XMP.search(xmp)):
        found = int(in_xmp[1])
    return found if found in _TURNS else UPRIGHT


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image upright (rotated or mirrored as its orientation says)."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _orientation_in_exif(exif: bytes) -> int | None:
    """The value of tag 0x112, which may be out of range; None if there is none."""
    exif = exif.removeprefix(_PREFIX).removeprefix(_PREFIX)  # some writers have it twice
    if not exif.startswith((b"II", b"MM")):
        return None
    try:
        return read_directory(exif).whole_number(ORIENTATION)
    except struct.error:
        return None
