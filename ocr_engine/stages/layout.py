"""Groups the lines of a page into blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from ocr_engine.geometry import Quad, level_box, line_height, rotated
from ocr_engine.moved_boxes import moved_line
from ocr_engine.result import Block, Document, Line, Page

BLOCK_GAP = 0.75  # of a line's height; a larger gap above a line begins a new block
LONG_RATIO = 3.0  # width to height from which the slope of a line is known
MAX_SKEW_DEGREES = 20.0


def image_document(
    width: int, height: int, lines: Iterable[Line], frames: int = 1, angle: int = 0
) -> Document:
    """The document of an image: one page of this size in pixels, its lines grouped into blocks.

    angle: see Page.
    """
    lines = tuple(lines)
    quads = [rotated(line.box, angle, width, height) for line in lines]
    return Document((Page(width, height, group_lines(lines, quads), angle=angle),), frames)


def rotated_lines(lines: Sequence[Line], angle: int, width: int, height: int) -> list[Line]:
    """The lines after a page of this size was rotated clockwise by 0, 90, 180 or 270 degrees."""
    if not angle:
        return list(lines)
    return [moved_line(line, lambda box: rotated(box, angle, width, height)) for line in lines]


def group_lines(lines: Sequence[Line], upright: Sequence[Quad] | None = None) -> tuple[Block, ...]:
    """Group consecutive lines with small gaps between them; keeps the order of the lines.

    upright: the boxes of the lines on the upright page, if the image is not upright. The page is
    straightened by the median slope of its long lines.
    """
    quads = [line.box for line in lines] if upright is None else upright
    blocks: list[list[Line]] = []
    bottom = 0.0
    for line, quad, (top, low) in zip(lines, quads, _heights(quads), strict=True):
        if not blocks or top - bottom > BLOCK_GAP * line_height(quad):
            blocks.append([line])
            bottom = low
        else:
            blocks[-1].append(line)
            bottom = max(bottom, low)
    return tuple(Block(tuple(block)) for block in blocks)


def _heights(quads: Sequence[Quad]) -> list[tuple[float, float]]:
    """The top and bottom of each box on the straightened page."""
    skew = _skew(quads)
    if skew == 0:
        boxes = map(level_box, quads)
        return [(box.top, box.bottom) for box in boxes]
    sine, cosine = math.sin(skew), math.cos(skew)
    downs = [[y * cosine - x * sine for x, y in quad] for quad in quads]
    return [(min(down), max(down)) for down in downs]


def _skew(quads: Sequence[Quad]) -> float:
    """The median slope in radians of the long boxes; 0.0 if there are none, or if it is large."""
    slopes = []
    for (ax, ay), (bx, by), _, (dx, dy) in quads:
        if math.hypot(bx - ax, by - ay) >= LONG_RATIO * math.hypot(dx - ax, dy - ay):
            slopes.append(math.atan2(by - ay, bx - ax))
    skew = median(slopes) if slopes else 0.0
    return skew if abs(skew) <= math.radians(MAX_SKEW_DEGREES) else 0.0
