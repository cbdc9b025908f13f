"""Divides a page into areas: its columns, and what lies across, above and below them.

An empty strip separates columns only if the text on both sides is independent of each other.
Otherwise, as in receipts, forms and tables, the rows belong together.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ocr_engine.layout.pieces import Piece, body_height
from ocr_engine.layout.strips import Strip, empty_strips

GUTTER = 0.5  # width of a strip, in heights of a line
TWO_ROWS = 1.8  # height of a strip, in heights of a line
NARROW = 5.0  # width of a column, in heights of a line: below, it may be one of a table
WIDE = 8.0  # from which it may be a column whose lines are next to those of another
WIDEST_GUTTER = 4.0  # in heights of a line, between lines that are next to each other
WIDEST_PITCH = 2.0  # distance of such lines, in heights
BAND_GAP = 1.0  # in heights of a line: between parts of a page that may differ
LEAST_ROWS = 3  # of a table
MANY = 8  # lines of a column that are next to those of another
FULL = 0.7  # of the width of its column: a line of a paragraph
APART = 0.3  # of a line's height: the middles of lines that are not in one row
TITLE_RATIO = 1.2  # height of a title to that of the text
ROOM = 1.2  # in heights of a line, above and below a title across columns
BRIDGE = 1.6  # in heights of a line, between two strips: that of a single row
NEW_PART = 1.0  # in heights of a line: a gap below what does not yet belong to a column
TITLE_GAP = 2.0  # in heights of a line: between a title and what it stands above
FEW = 2  # lines that may follow a column without belonging to it

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]


class Area(NamedTuple):
    """Lines that are read row by row; strips: those between the cells of rows, if any.

    is_rotated: its rows are vertical columns.
    """

    pieces: Sequence[Piece]
    strips: Sequence[Strip] = ()
    is_rotated: bool = False


def areas(pieces: Sequence[Piece]) -> list[Area]:
    """The areas of the pieces, in reading order."""
    unit = body_height(pieces)
    found: list[Area] = []
    waiting = [sorted(pieces, key=lambda piece: (piece.middle, piece.left))]
    while waiting:
        region = waiting.pop()
        if not region:
            continue
        strips = empty_strips(_edges(region, unit), GUTTER * unit, TWO_ROWS * unit)
        cuts = _Region(region, strips, unit).cuts() if strips else []
        if cuts:
            waiting += reversed(_cut(region, cuts))
        else:
            found.append(Area(region, strips))
    return found


def _edges(region: Sequence[Piece], unit: float) -> list[tuple[float, float, float, float]]:
    """The boxes of the pieces; a title across columns is as wide as these, even if it is short."""
    edges = [(piece.left, piece.top, piece.right, piece.bottom) for piece in region]
    left, right = min(edge[0] for edge in edges), max(edge[2] for edge in edges)
    for number, piece in enumerate(region):
        if piece.height >= TITLE_RATIO * unit and _is_across(region, number, unit):
            edges[number] = (left, piece.top, right, piece.bottom)
    return edges


def _is_across(region: Sequence[Piece], number: int, unit: float) -> bool:
    """Whether a piece is alone in its row, and the text to its right leaves more room than that."""
    piece = region[number]
    slack = (piece.bottom - piece.top) / 5
    low, high = piece.top + slack, piece.bottom - slack
    if any(other.bottom > low and other.top < high for other in region if other is not piece):
        return False
    above = [other.bottom for other in region[:number] if other.left >= piece.right]
    below = [other.top for other in region[number + 1 :] if other.left >= piece.right]
    room = piece.bottom - piece.top + ROOM * unit
    return bool(above and below) and min(below) - max(above) >= room


def _cut(region: Sequence[Piece], cuts: Sequence[Strip]) -> list[list[Piece]]:
    """Left and right of each cut, and what lies above, between and below them."""
    parts: list[list[Piece]] = [[] for _ in range(3 * len(cuts) + 1)]
    bottoms = [cut.bottom for cut in cuts]
    for piece in region:
        number = bisect_left(bottoms, piece.middle)
        part = 3 * number
        if number < len(cuts) and piece.middle >= cuts[number].top:
            part += 1 if piece.left + piece.right < cuts[number].left + cuts[number].right else 2
        parts[part].append(piece)
    return parts


class _Region:
    """Pieces in the order of their middles, as arrays, and the strips between them."""

    def __init__(self, pieces: Sequence[Piece], strips: Sequence[Strip], unit: float) -> None:
        self.strips = strips
        self.unit = unit
        columns = np.array(
            [(p.left, p.top, p.right, p.bottom, p.middle, p.height, p.numeric) for p in pieces]
        ).T
        self.left, self.top, self.right, self.bottom, self.middle = columns[:5]
        self.height = columns[5]
        self.numeric: Flags = columns[6] > 0
        self.from_left = np.full(len(pieces), self.left.min())
        self.to_right = np.full(len(pieces), self.right.max())
        for strip in strips:
            beside = self.beside(strip)
            after = self.left[beside] >= strip.right
            before = self.right[beside] <= strip.left
            bounds = self.from_left[beside]
            bounds[after] = np.maximum(bounds[after], strip.right)
            bounds = self.to_right[beside]
            bounds[before] = np.minimum(bounds[before], strip.left)

    def beside(self, strip: Strip) -> slice:
        """The pieces at the height of a strip."""
        low, high = np.searchsorted(self.middle, (strip.top, strip.bottom))
        return slice(int(low), int(high))

    def cuts(self) -> list[Strip]:
        """The strips that separate columns, from the top; none next to another."""
        chosen: list[Strip] = []
        for strip in self.strips:
            if any(strip.top < cut.bottom and cut.top < strip.bottom for cut in chosen):
                continue
            if (cut := self._columns(strip)) is not None:
                chosen.append(cut)
        return self._bridged(sorted(chosen, key=lambda cut: cut.top))

    def _bridged(self, cuts: Sequence[Strip]) -> list[Strip]:
        """The cuts, joined where only the box of a line that is too long is between them."""
        joined: list[Strip] = []
        for cut in cuts:
            if joined and (bridge := self._bridge(joined[-1], cut)) is not None:
                joined[-1] = bridge
            else:
                joined.append(cut)
        return joined

    def _bridge(self, above: Strip, below: Strip) -> Strip | None:
        """Both strips as one, if each line between them has another next to it."""
        left, right = max(above.left, below.left), min(above.right, below.right)
        if left >= right or below.top - above.bottom > BRIDGE * self.unit:
            return None
        middle = (left + right) / 2
        low, high = np.searchsorted(self.middle, (above.bottom, below.top))
        between = range(int(low), int(high))
        sides = [bool((self.left[n] + self.right[n]) / 2 > middle) for n in between]
        if len(set(sides)) < 2:
            return None
        return Strip(left, above.top, right, below.bottom)

    def _columns(self, strip: Strip) -> Strip | None:
        """The part of the strip that separates columns, if there is one."""
        best: Strip | None = None
        for part in self._without_tables(strip):
            cut = self._checked(part)
            if cut is not None and (best is None or cut.height > best.height):
                best = cut
        return best

    def _without_tables(self, strip: Strip) -> list[Strip]:
        """The parts of a strip above, between and below those that are gaps of tables."""
        bands = self._bands(strip)
        if len(bands) < 2:
            return [strip]
        parts: list[Strip] = []
        top = strip.top
        for band in bands:
            sides = self._sides(band, whole=True)
            if sides is not None and _are_cells(*sides):
                parts.append(strip._replace(top=top, bottom=band.top))
                top = band.bottom
        return [*parts, strip._replace(top=top)]

    def _bands(self, strip: Strip) -> list[Strip]:
        """The strip, divided where the page is empty from left to right."""
        beside = self.beside(strip)
        bands: list[Strip] = []
        top, bottom = strip.top, math.inf
        for above, below in zip(
            self.top[beside].tolist(), self.bottom[beside].tolist(), strict=True
        ):
            if above - bottom >= BAND_GAP * self.unit:
                middle = (above + bottom) / 2
                bands.append(strip._replace(top=top, bottom=middle))
                top, bottom = middle, below
            else:
                bottom = below if bottom == math.inf else max(bottom, below)
        return [*bands, strip._replace(top=top)]

    def _split(self, strip: Strip) -> tuple[Positions, Positions]:
        """The pieces on both sides of a strip."""
        beside = self.beside(strip)
        numbers = np.arange(beside.start, beside.stop)
        return (
            numbers[self.right[beside] <= strip.left],
            numbers[self.left[beside] >= strip.right],
        )

    def _sides(self, strip: Strip, whole: bool = False) -> tuple[_Side, _Side] | None:
        """The lines next to a strip, where both sides have some; whole: all lines on its sides."""
        left, right = self._split(strip)
        if min(len(left), len(right)) < 2:
            return None
        top = max(self.top[left].min(), self.top[right].min())
        bottom = min(self.bottom[left].max(), self.bottom[right].max())
        if not whole:
            left = left[self.to_right[left] >= strip.left]
            right = right[self.from_left[right] <= strip.right]
        sides = self._side(left, top, bottom), self._side(right, top, bottom)
        return (sides[0], sides[1]) if sides[0] and sides[1] else None

    def _checked(self, strip: Strip) -> Strip | None:
        """The strip without its ends, if it separates columns."""
        left, right = self._split(strip)
        if not len(left) or not len(right):
            return None
        strip = strip._replace(
            left=float(self.right[left].max()), right=float(self.left[right].min())
        )
        sides = self._sides(strip)
        if sides is None or not _independent(*sides, strip.width / self.unit):
            return None
        return self._without_ends(strip, left, right)

    def _side(self, numbers: Positions, top: float, bottom: float) -> _Side | None:
        """The pieces of a column that are next to the other column."""
        inside = (self.middle[numbers] > top) & (self.middle[numbers] < bottom)
        numbers = numbers[inside]
        if len(numbers) < 2:
            return None
        widths = self.right[numbers] - self.left[numbers]
        room = self.to_right[numbers] - self.from_left[numbers]
        return _Side(
            self.middle[numbers],
            self.height[numbers],
            float(widths.max()) / self.unit,
            float(np.median(widths)) / self.unit,
            float((widths >= FULL * room).mean()),
            float(self.numeric[numbers].mean()),
        )

    def _without_ends(
        self,
        strip: Strip,
        left: Positions,
        right: Positions,
    ) -> Strip:
        """The strip without a few lines before the right and after the left column.

        They are alone in their rows and set apart, such as a title above the next part of the page.
        """
        top = max(float(self.top[left].min()), float(self.top[right].min()))
        bottom = min(float(self.bottom[left].max()), float(self.bottom[right].max()))
        after = left[self.top[left] >= bottom]
        below = self.top[self.middle > strip.bottom]
        if 0 < len(after) <= FEW and len(below):
            above = max(float(self.bottom[left[self.top[left] < bottom]].max()), bottom)
            ends = np.concatenate(([above], self.bottom[after]))
            gaps = self.top[after] - ends[:-1]
            place = int(gaps.argmax())
            rest = float(below.min()) - ends[-1]
            tall = self.height[after[place]] >= TITLE_RATIO * np.median(self.height[left])
            if rest < gaps[place] or (tall and rest < TITLE_GAP * self.unit):
                strip = strip._replace(bottom=float(ends[place]))
        for side in (left, right):
            before = side[self.bottom[side] <= top]
            if not 0 < len(before) <= FEW:
                continue
            start = min(float(self.top[side[self.bottom[side] > top]].min()), top)
            gap = start - self.bottom[before].max()
            rest = float(self.top[before].min()) - strip.top
            if gap > NEW_PART * self.unit if side is right else gap > rest:
                strip = strip._replace(top=start)
        return strip


class _Side(NamedTuple):
    """The lines on one side of a strip, from the top.

    width, usual: of the longest line, and the median, in heights of a line. full: the share that
    fills its column. numeric: the share of numbers.
    """

    middles: Numbers
    heights: Numbers
    width: float
    usual: float
    full: float
    numeric: float

    @property
    def pitch(self) -> float:
        """The usual distance of the lines, in heights."""
        return float(np.median(np.diff(self.middles)) / np.median(self.heights))

    def apart(self, other: _Side) -> float:
        """The share of lines that have no line of the other side in their row."""
        after = np.searchsorted(other.middles, self.middles).clip(1, len(other.middles) - 1)
        above = np.abs(other.middles[after - 1] - self.middles)
        below = np.abs(other.middles[after] - self.middles)
        return float((np.minimum(above, below) > APART * self.heights).mean())


def _are_cells(left: _Side, right: _Side) -> bool:
    """Whether the pieces on both sides of a strip are short, and in the same rows."""
    short = max(left.numeric, right.numeric) > 0.5 or min(left.usual, right.usual) < NARROW
    return (
        short
        and min(len(left.middles), len(right.middles)) >= LEAST_ROWS
        and max(left.apart(right), right.apart(left)) <= 0.15
    )


def _independent(left: _Side, right: _Side, gutter: float) -> bool:
    """Whether the lines on both sides of a strip of this width are those of two columns."""
    lines = min(len(left.middles), len(right.middles))
    width = min(left.width, right.width)
    if max(left.numeric, right.numeric) > 0.5 or width < NARROW:
        return False
    apart = min(left.apart(right), right.apart(left))
    if apart >= 0.4 and lines >= 3:  # their rows do not match
        return max(left.full, right.full) >= 0.4 or lines >= 5
    if apart >= 0.2 and lines >= MANY and width >= WIDE:
        return True
    if width < WIDE or gutter > WIDEST_GUTTER or max(left.pitch, right.pitch) > WIDEST_PITCH:
        return False
    return min(left.full, right.full) >= 0.5
