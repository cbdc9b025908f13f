"""Boxes of text in an image: quadrilaterals, and the level rectangles around them.

Coordinates are whole pixels of the upright image (after its EXIF orientation): x to the right and
y down, from the top left corner of the image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple, SupportsInt

VERTICAL_RATIO = 1.5  # a line's box that is so many times as high as wide is a vertical line

Point = tuple[int, int]
Quad = tuple[Point, Point, Point, Point]


class LevelBox(NamedTuple):
    """A box without a slope; right and bottom are the first pixels outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def quad(self) -> Quad:
        """The same box as four corners, clockwise from the top left."""
        left, top, right, bottom = self
        return (left, top), (right, top), (right, bottom), (left, bottom)


def as_quad(corners: Iterable[Iterable[SupportsInt]]) -> Quad:
    """Four corners (x, y) of any kind of number, as plain whole ones.

    ValueError or TypeError if they are not four pairs of numbers; OverflowError for infinity.
    """
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    return (int(ax), int(ay)), (int(bx), int(by)), (int(cx), int(cy)), (int(dx), int(dy))


def level_box(quad: Quad) -> LevelBox:
    """The box around four corners, without what lies left of or above the image.

    It is at least a pixel wide and high.
    """
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
    left, top = max(min(ax, bx, cx, dx), 0), max(min(ay, by, cy, dy), 0)
    right, bottom = max(ax, bx, cx, dx, left + 1), max(ay, by, cy, dy, top + 1)
    return LevelBox(left, top, right, bottom)


def around(boxes: Iterable[LevelBox]) -> LevelBox:
    """The box around all these; ValueError if there are none."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return LevelBox(min(lefts), min(tops), max(rights), max(bottoms))


def is_vertical(quad: Quad) -> bool:
    """Whether the box of a line, clockwise from the top left, is that of a vertical line."""
    width, height = _sides(quad)
    return height >= VERTICAL_RATIO * width


def line_height(quad: Quad) -> float:
    """How high the box of a line is in pixels, measured across the direction of reading."""
    width, height = _sides(quad)
    return width if height >= VERTICAL_RATIO * width else height


def _sides(quad: Quad) -> tuple[float, float]:
    """The lengths of the top edge and of the left edge."""
    top_left, top_right, _, bottom_left = quad
    return math.dist(top_left, top_right), math.dist(top_left, bottom_left)
