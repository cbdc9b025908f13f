"""Boxes of text in an image: quadrilaterals, and the level boxes around them.

Coordinates are whole pixels of the upright image (after its EXIF orientation): x to the right and
y down, from the top left corner of the image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, SupportsInt

VERTICAL_RATIO = 1.5  # height to width from which a line's box counts as vertical

Point = tuple[int, int]
Quad = tuple[Point, Point, Point, Point]


class LevelBox(NamedTuple):
    """A box with horizontal and vertical sides; right and bottom are the first pixels outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def quad(self) -> Quad:
        """The box as four corners, clockwise from the top left."""
        left, top, right, bottom = self
        return (left, top), (right, top), (right, bottom), (left, bottom)


def as_quad(corners: Iterable[Iterable[SupportsInt]]) -> Quad:
    """Convert four corners (x, y) of any number type to int.

    ValueError or TypeError if they are not four pairs of numbers; OverflowError for infinity.
    """
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    return (int(ax), int(ay)), (int(bx), int(by)), (int(cx), int(cy)), (int(dx), int(dy))


def level_box(quad: Sequence[Sequence[int]]) -> LevelBox:
    """The level box around four corners (x, y), clipped at the left and top of the image.

    At least one pixel wide and high.
    """
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
    left, top = max(min(ax, bx, cx, dx), 0), max(min(ay, by, cy, dy), 0)
    right, bottom = max(ax, bx, cx, dx, left + 1), max(ay, by, cy, dy, top + 1)
    return LevelBox(left, top, right, bottom)


def rotated(quad: Quad, angle: int, width: int, height: int) -> Quad:
    """The box after an image of this size was rotated clockwise by 0, 90, 180 or 270 degrees.

    Its corners still run clockwise from the top left. To undo it, rotate the box by 360 - angle,
    and give the size of the rotated image.
    """
    points = [_rotated_point(corner, angle, width, height) for corner in quad]
    first = -(angle // 90) % 4
    a, b, c, d = points[first:] + points[:first]
    return a, b, c, d


def _rotated_point(point: Point, angle: int, width: int, height: int) -> Point:
    x, y = point
    if angle == 90:
        return height - y, x
    if angle == 180:
        return width - x, height - y
    if angle == 270:
        return y, width - x
    return point


def around(boxes: Iterable[LevelBox]) -> LevelBox:
    """The box around all boxes; ValueError if there are none."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return LevelBox(min(lefts), min(tops), max(rights), max(bottoms))


def is_vertical(quad: Quad) -> bool:
    """Whether a line's box, clockwise from the top left, is vertical."""
    width, height = _sides(quad)
    return height >= VERTICAL_RATIO * width


def line_height(quad: Quad) -> float:
    """The height of a line's box in pixels, measured across the reading direction."""
    width, height = _sides(quad)
    return width if height >= VERTICAL_RATIO * width else height


def _sides(quad: Quad) -> tuple[float, float]:
    """The lengths of the top edge and of the left edge."""
    top_left, top_right, _, bottom_left = quad
    return math.dist(top_left, top_right), math.dist(top_left, bottom_left)
