"""What a model has read, in its own order, before it becomes a result."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_engine.result import BlockType

Corner = tuple[float, float]
Corners = tuple[Corner, Corner, Corner, Corner]


class BadAnswer(Exception):
    """The model's answer is not in its own grammar."""


@dataclass(frozen=True, slots=True)
class Part:
    """A text that a model has read, and where.

    corners: x and y as fractions of the width and height of the image that was sent, clockwise from
    the top left; None: somewhere in it. is_line: it is a single line, so the corners are its own.
    level: of a title. The text of a table has its tags.
    """

    text: str
    corners: Corners | None = None
    type: BlockType = "text"
    level: int = 0
    is_line: bool = False


def level_corners(left: float, top: float, right: float, bottom: float) -> Corners:
    """The corners of a box with horizontal and vertical sides, whichever way it was given."""
    left, right = sorted((_inside(left), _inside(right)))
    top, bottom = sorted((_inside(top), _inside(bottom)))
    return (left, top), (right, top), (right, bottom), (left, bottom)


def any_corners(points: list[Corner]) -> Corners:
    """Four corners clockwise, beginning with the one that is top left."""
    inside = [(_inside(x), _inside(y)) for x, y in points]
    turns = sum(
        (bx - ax) * (by + ay)
        for (ax, ay), (bx, by) in zip(inside, inside[1:] + inside[:1], strict=True)
    )
    if turns > 0:  # counter-clockwise, as y runs down
        inside.reverse()
    first = min(range(4), key=lambda number: sum(inside[number]))
    a, b, c, d = inside[first:] + inside[:first]
    return a, b, c, d


def _inside(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
