"""Rows of a page: lines at the same height, and where they begin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from ocr_engine.geometry import Quad, is_vertical, rotated
from ocr_engine.result import Line, Page

ROW_OVERLAP = 0.5  # of the smaller height: lines whose middles are closer are in one row
LONG_RATIO = 3.0  # width to height from which the slope of a line is known
MAX_SKEW_DEGREES = 20.0
MOST_EMPTY = 2  # lines between two rows of code


class PlacedLine(NamedTuple):
    """A line on the straightened upright page, in pixels.

    area: see Block. is_row: False for a vertical line, which has no neighbours in its row.
    """

    line: Line
    area: int
    left: float
    right: float
    middle: float
    height: float
    is_row: bool


def rows_of(lines: Iterable[PlacedLine]) -> Iterator[list[PlacedLine]]:
    """The rows, in the order of the lines: consecutive ones of an area, from left to right."""
    row: list[PlacedLine] = []
    for placed in lines:
        if row and not _follows(row[-1], placed):
            yield row
            row = []
        row.append(placed)
    if row:
        yield row


def line_breaks(rows: Sequence[Sequence[PlacedLine]]) -> list[int]:
    """How many line breaks are before each row, so that empty lines fill the gaps; 0 for the first.

    A row of text is as high as the usual distance of rows; gaps are at most MOST_EMPTY rows high.
    """
    steps = [_step(above[0], below[0]) for above, below in pairwise(rows)]
    downwards = sorted(step for step in steps if step > 0)
    usual = downwards[len(downwards) // 4] if downwards else 1.0
    fitting = (math.floor(step / usual + 0.5) for step in steps)
    return [0, *(min(max(count, 1), 1 + MOST_EMPTY) for count in fitting)]


def placed_blocks(page: Page) -> list[list[PlacedLine]]:
    """The lines of each block of the page."""
    quads = [
        [rotated(line.box, page.angle, page.width, page.height) for line in block.lines]
        for block in page.blocks
    ]
    skew = _skew(chain.from_iterable(quads))
    return [
        [_placed(line, block.area, quad, skew) for line, quad in zip(block.lines, own, strict=True)]
        for block, own in zip(page.blocks, quads, strict=True)
    ]


def character_width(lines: Iterable[PlacedLine]) -> float:
    """The median width of a character in pixels, half of a wide one; 0 without characters."""
    from statistics import median  # costs memory, and few requests need it

    widths = [
        (placed.right - placed.left) / columns
        for placed in lines
        if placed.is_row and (columns := display_width(placed.line.text))
    ]
    return median(widths) if widths else 0.0


def display_width(text: str) -> int:
    """How many columns the text needs if a Chinese character needs two."""
    from unicodedata import east_asian_width  # costs memory, and few requests need it

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _follows(before: PlacedLine, after: PlacedLine) -> bool:
    """Whether a line continues the row to the right."""
    smaller = min(before.height, after.height)
    return (
        before.is_row
        and after.is_row
        and before.area == after.area
        and after.left >= before.right - smaller
        and abs(after.middle - before.middle) < ROW_OVERLAP * smaller
    )


def _step(above: PlacedLine, below: PlacedLine) -> float:
    """How many pixels a line is below one of its area; 0 if they are not rows of the same area."""
    if above.area != below.area or not (above.is_row and below.is_row):
        return 0.0
    return below.middle - above.middle


def _placed(line: Line, area: int, quad: Quad, skew: float) -> PlacedLine:
    sine, cosine = math.sin(skew), math.cos(skew)
    across = [x * cosine + y * sine for x, y in quad]
    down = [y * cosine - x * sine for x, y in quad]
    top, bottom = min(down), max(down)
    return PlacedLine(
        line=line,
        area=area,
        left=min(across),
        right=max(across),
        middle=(top + bottom) / 2,
        height=bottom - top,
        is_row=not is_vertical(quad),
    )


def _skew(quads: Iterable[Quad]) -> float:
    """The median slope of the long lines in radians; 0.0 if there are none, or if it is large."""
    from statistics import median  # as in character_width()

    slopes = [
        math.atan2(by - ay, bx - ax)
        for (ax, ay), (bx, by), _, (dx, dy) in quads
        if math.dist((ax, ay), (bx, by)) >= LONG_RATIO * math.dist((ax, ay), (dx, dy))
    ]
    skew = median(slopes) if slopes else 0.0
    return skew if abs(skew) <= math.radians(MAX_SKEW_DEGREES) else 0.0
