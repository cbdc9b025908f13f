"""Converts pixels of more than 8 bits to 8 bits, whatever range of values they use."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from ocr_engine.errors import InvalidImage

# Scanners and cameras store values of 9 to 13 bits in 16 bits. An image that uses less than an
# eighth of the 16-bit range is treated as such an image. If it is only dark, it becomes brighter,
# and can still be read.
_SMALL_RANGE = 65536 // 8
_SHORT = 65535
_BYTE = 255
_UNCHANGED = list(range(_BYTE + 1))

_Extrema = tuple[tuple[int, int], ...]


def is_deep_grey(image: Image.Image) -> bool:
    """Whether the image is grey with more than 8 bits per pixel."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def grey_from_deep(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Scale grey of more than 8 bits to 8 bits, (H, W); InvalidImage if pixels are not numbers.

    16-bit values are scaled by the number of bits that they use, floats from 0 to 1 by 255, and
    other values from their range, unless all are from 0 to 255.
    """
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise InvalidImage("the image has pixels that are not numbers")
    lowest, highest = float(values.min()), float(values.max())
    if image.mode != "F" and lowest >= 0 and _BYTE < highest <= _SHORT:
        values *= _BYTE / _full_scale(highest)
    elif image.mode == "F" and lowest >= 0 and highest <= 1:
        values *= _BYTE
    elif highest > _BYTE or lowest < 0:
        values = (values - lowest) * (_BYTE / max(highest - lowest, 1e-9))
    np.rint(values, out=values)
    return np.clip(values, 0, _BYTE, out=values).astype(np.uint8)


def stretched_colours(image: Image.Image) -> Image.Image:
    """Stretch an image of 16 bits per channel, of which Pillow has kept the high 8 bits.

    All colours are stretched alike, alpha separately. An image that uses its range is unchanged.
    """
    if image.mode not in ("LA", "RGB", "RGBA"):
        return image
    colours = len(image.getbands()) - image.mode.endswith("A")
    highest = [highest for _, highest in cast(_Extrema, image.getextrema())]
    tables = _table(max(highest[:colours])) * colours
    for alpha in highest[colours:]:
        tables += _table(alpha)
    return image if tables == _UNCHANGED * len(highest) else image.point(tables)


def _table(highest: int) -> list[int]:
    """The replacement of each 8-bit value in an image of which this is the highest value."""
    if not 0 < highest < _SMALL_RANGE >> 8:
        return _UNCHANGED
    white = (1 << highest.bit_length()) - 1
    return [min(_BYTE, value * _BYTE // white) for value in range(_BYTE + 1)]


def _full_scale(highest: float) -> int:
    """The value of white in an image of 16-bit values of which this is the highest."""
    if highest >= _SMALL_RANGE:
        return _SHORT
    return max((1 << int(highest).bit_length()) - 1, _BYTE)
