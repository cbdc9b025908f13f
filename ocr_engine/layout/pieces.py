"""The lines of a page as level boxes on the straightened page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from ocr_engine.geometry import VERTICAL_RATIO
from ocr_engine.result import Line, Table
from ocr_engine.stages.reading_order import Corners, level_boxes

SHORT = 4.0  # font sizes: the length of a shorter text does not show its font size
LINE_HEIGHT = 1.15  # of a line without space above and below, in font sizes
STRETCH = 1.1  # ratio of the height of such a line to the usual one of its box, at most
TRUST = 1.5  # ratio of a line's height to that of its box, at most
_WIDE = re.compile(r"[\u2e80-\uffdf\U00020000-\U0003ffff]")
_DIGIT = re.compile(r"\d")
_NARROW = re.compile(r"[iljtfrI.,:;'!|()\[\] -]")
SAME_ROW = 0.5  # of a line's height, between the middles of lines next to each other
LEAST_GAP = 0.8  # of a line's height: between two lines that detection has told apart
SAME_HEIGHT = 1.3  # ratio up to which two lines are of the same size: boxes vary with their letters


class Piece(NamedTuple):
    """A line, or a whole table, on the straightened page; in pixels.

    numbers: of its lines, in reading order. height: of one line, see _sizes(). numeric: whether it
    is a number, a price or a date.
    """

    left: float
    top: float
    right: float
    bottom: float
    height: float
    numeric: bool
    text: str
    numbers: tuple[int, ...]
    table: Table | None = None

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """Halfway between top and bottom."""
        return (self.top + self.bottom) / 2

    @property
    def is_column(self) -> bool:
        """Whether it is a line of several characters below each other."""
        return (
            self.table is None
            and self.bottom - self.top >= VERTICAL_RATIO * (self.right - self.left)
            and len(self.text) > 1
        )


def pieces_of(lines: Sequence[Line], corners: Corners, skew: float) -> list[Piece]:
    """The pieces of a page of at least one line; see lay_out()."""
    boxes = [
        (left, top, right, bottom, bottom - top >= VERTICAL_RATIO * (right - left))
        for left, top, right, bottom in level_boxes(corners, skew).tolist()
    ]
    sizes = _sizes(lines, boxes)
    return _apart(
        [
            Piece(left, top, right, bottom, size, is_numeric(line.text), line.text, (number,))
            for number, (line, size, (left, top, right, bottom, _)) in enumerate(
                zip(lines, sizes, boxes, strict=True)
            )
        ]
    )


def _apart(pieces: list[Piece]) -> list[Piece]:
    """The pieces without the ends that reach into the next one of their row.

    Where a gutter is narrow, the box of a line may reach across it.
    """
    order = sorted(range(len(pieces)), key=lambda number: pieces[number].middle)
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            low, high = pieces[first], pieces[second]
            size = min(low.height, high.height)
            if high.middle - low.middle >= SAME_ROW * size:
                break
            number = first if low.left < high.left else second
            left, right = (low, high) if number == first else (high, low)
            end = right.left - LEAST_GAP * size
            if left.right > end > left.left + size and right.right > left.right:
                pieces[number] = left._replace(right=end)
    return pieces


def _sizes(
    lines: Sequence[Line], boxes: Sequence[tuple[float, float, float, float, bool]]
) -> list[float]:
    """The heights of the lines, as their length and their text have them.

    The boxes of lines in the same font may differ by a third in their heights, as detection finds
    the letters, and those of short lines are the highest; their lengths do not differ so much.
    """
    heights: list[float] = []
    ems: list[float] = []
    advances = [_advance(line.text) for line in lines]
    for line, advance, (left, top, right, bottom, upright) in zip(
        lines, advances, boxes, strict=True
    ):
        width, height = right - left, bottom - top
        if upright and len(line.text) > 1:
            width, height = height, width
        heights.append(max(height, 1.0))
        ems.append(width * LINE_HEIGHT / max(advance, 0.1))
    ratios = [
        em / height
        for em, height, advance in zip(ems, heights, advances, strict=True)
        if advance >= SHORT
    ]
    ratio = min(max(median(ratios), 1 / TRUST), TRUST) if ratios else 1.0
    sizes = []
    for line, box, em, height, advance in zip(lines, boxes, ems, heights, advances, strict=True):
        usual = ratio * height
        if advance < SHORT:
            size = min(usual, em)
        else:  # justified lines have wide spaces; in columns, small characters are not read
            stretched = box[4] or " " in line.text
            most = min(STRETCH * usual, TRUST * height) if stretched else TRUST * height
            size = max(min(em, most), height / TRUST)
        sizes.append(size)
    return sizes


def _advance(text: str) -> float:
    """About how wide a text is, in units of its font size."""
    wide = 0 if text.isascii() else len(text) - len(_WIDE.sub("", text))
    narrow = len(text) - len(_NARROW.sub("", text))
    return wide + 0.3 * narrow + 0.53 * (len(text) - wide - narrow)


def is_numeric(text: str) -> bool:
    """Whether at least half of the characters are digits."""
    if _DIGIT.search(text) is None:
        return False
    digits = len(text) - len(_DIGIT.sub("", text))
    return 2 * digits >= len(text) - text.count(" ")


def rotated_left(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces after a rotation by 90 degrees: vertical columns from the right become rows."""
    return [
        piece._replace(left=piece.top, top=-piece.right, right=piece.bottom, bottom=-piece.left)
        for piece in pieces
    ]


def body_height(pieces: Iterable[Piece]) -> float:
    """The height of the lines with most of the text: the median, weighted by width."""
    sized = [(piece.height, piece.width) for piece in pieces if piece.table is None]
    return max(weighted_quantile(sized, 0.5), 1.0) if sized else 1.0


def weighted_quantile(weighted: Iterable[tuple[float, float]], share: float) -> float:
    """The value up to which this share of the weight lies; values with weights, at least one."""
    ordered = sorted(weighted)
    rest = share * sum(weight for _, weight in ordered)
    for value, weight in ordered:
        rest -= weight
        if rest <= 0:
            return value
    return ordered[-1][0]


def same_size(one: float, other: float) -> bool:
    """Whether two heights may be those of lines in the same font."""
    return max(one, other) <= SAME_HEIGHT * min(one, other)
