"""Where a page is in its own coordinates, and how it is shown: its boxes and its rotation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pikepdf

Matrix = tuple[float, float, float, float, float, float]

LETTER = (0.0, 0.0, 612.0, 792.0)  # where a page without a usable box is


class PagePlace(NamedTuple):
    """The visible part of a page, and the clockwise rotation with which it is shown.

    left < right and bottom < top, in the page's units, which are not turned.
    """

    left: float
    bottom: float
    right: float
    top: float
    rotation: int = 0

    def turn(self, angle: int) -> int:
        """The rotation of upright text in the page's units, if the shown page has this angle."""
        return (self.rotation + angle) % 360

    def matrix(self, angle: int, width: int, height: int) -> Matrix:
        """From an image of the page to the page itself.

        The image has this size in pixels, with y up, after the shown page was rotated clockwise by
        this angle.
        """
        turn = self.turn(angle)
        wide, high = self.right - self.left, self.top - self.bottom
        if turn in (90, 270):
            wide, high = high, wide
        x, y = wide / width, high / height
        if turn == 90:
            return 0.0, x, -y, 0.0, self.right, self.bottom
        if turn == 180:
            return -x, 0.0, 0.0, -y, self.right, self.top
        if turn == 270:
            return 0.0, -x, y, 0.0, self.left, self.top
        return x, 0.0, 0.0, y, self.left, self.bottom


def place_of(page: pikepdf.Dictionary) -> PagePlace:
    """The place of a page, found as PDFium does, whose images the boxes of the text are in.

    The visible part is the crop box inside of the media box. UserUnit is ignored, as it scales the
    text as well. The page must have its inherited entries itself.
    """
    media = _box(page.get("/MediaBox")) or LETTER
    crop = _box(page.get("/CropBox")) or media
    visible = (
        max(media[0], crop[0]),
        max(media[1], crop[1]),
        min(media[2], crop[2]),
        min(media[3], crop[3]),
    )
    if visible[0] >= visible[2] or visible[1] >= visible[3]:
        visible = media
    return PagePlace(*visible, rotation=_rotation(page.get("/Rotate")))


def _box(value: Any) -> tuple[float, float, float, float] | None:
    """A box whose corners may be swapped; None if it is missing, broken or empty."""
    if not isinstance(value, pikepdf.Array) or len(value) != 4:
        return None
    try:
        a, b, c, d = (float(number) for number in value)
    except (TypeError, ValueError):
        return None
    if not all(map(math.isfinite, (a, b, c, d))) or a == c or b == d:
        return None
    return min(a, c), min(b, d), max(a, c), max(b, d)


def _rotation(value: Any) -> int:
    """0, 90, 180 or 270; what is not a multiple of 90 is rounded towards 0."""
    try:
        return int(float(value) / 90) % 4 * 90
    except (TypeError, ValueError, OverflowError):
        return 0
