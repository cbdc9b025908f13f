"""Images whose pixels are not square, such as faxes of 204 x 98 dots per inch.

The models get an image with square pixels. Boxes in the result are in pixels of the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SQUARE = (1.0, 1.0)

# Standard faxes are 2.08 times as dense in one direction, fine and superfine ones 1.04 and 1.92.
# Other ratios are ignored: they are more often mistakes in the file, and letters that are a little
# too wide are read just as well.
_SMALLEST_RATIO, _LARGEST_RATIO = 1.5, 3.0
_LEAST_DPI = 50.0  # less is not a resolution


def stretch_of(dpi: Any) -> tuple[float, float]:
    """The factors (width, height) that make the pixels of an image of this resolution square.

    SQUARE if the pixels count as square. dpi: (x, y) from the file, so it may be anything.
    """
    try:
        x, y = (float(value) for value in dpi)
    except (TypeError, ValueError, ArithmeticError):
        return SQUARE
    if not (math.isfinite(x) and math.isfinite(y) and min(x, y) >= _LEAST_DPI):
        return SQUARE
    if not _SMALLEST_RATIO <= max(x, y) / min(x, y) <= _LARGEST_RATIO:
        return SQUARE
    return max(y / x, 1.0), max(x / y, 1.0)


def stretched(
    pixels: npt.NDArray[np.uint8], stretch: Sequence[float], max_pixels: int
) -> npt.NDArray[np.uint8]:
    """The image (H, W, 3) stretched so that its pixels are square.

    If it would then have more than max_pixels, both sides are reduced in proportion.
    """
    height, width = pixels.shape[:2]
    wanted = width * stretch[0], height * stretch[1]
    ratio = min(1.0, math.sqrt(max_pixels / (wanted[0] * wanted[1])))
    size = max(1, int(wanted[0] * ratio)), max(1, int(wanted[1] * ratio))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
