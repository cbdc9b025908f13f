"""Which empty strips of a region are the gutters between columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ocr_engine.layout.pieces import Piece
from ocr_engine.layout.sides import Flags, Positions, Side, are_cells, independent, median
from ocr_engine.layout.strips import Strip

BAND_GAP = 1.0  # in heights of a line: between parts of a page that may differ
FULL = 0.7  # of the width of its column: a line of a paragraph
TITLE_RATIO = 1.2  # height of a title to that of the text
BRIDGE = 4.0  # in heights of a line, between two strips of the same gutter: that of a few rows
LINE_GAP = 0.6  # in heights of a line, between two lines of a paragraph
SAME_ROW = 0.5  # in heights of a line, between the middles of two lines
NEW_PART = 1.0  # in heights of a line: a gap below what does not yet belong to a column
TITLE_GAP = 2.0  # in heights of a line: between a title and what it stands above
FEW = 2  # lines that may follow a column without belonging to it


class Region:
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
            next_to = self.next_to(strip)
            after = self.left[next_to] >= strip.right
            before = self.right[next_to] <= strip.left
            bounds = self.from_left[next_to]
            bounds[after] = np.maximum(bounds[after], strip.right)
            bounds = self.to_right[next_to]
            bounds[before] = np.minimum(bounds[before], strip.left)

    def next_to(self, strip: Strip) -> slice:
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
        """Both strips as one, if all that is between them are lines of the columns.

        The box of a line may reach across a narrow gutter, or be that of two lines that detection
        has joined. A title across the columns has more space above and below it.
        """
        left, right = max(above.left, below.left), min(above.right, below.right)
        if left >= right or below.top - above.bottom > BRIDGE * self.unit:
            return None
        low, high = np.searchsorted(self.middle, (above.bottom, below.top))
        between = np.arange(int(low), int(high))
        reaching = between[
            (self.left[between] < left) & (self.right[between] > min(above.left, below.left))
        ]
        if not len(reaching):
            reaching = between
        if not 0 < len(reaching) <= FEW or not all(map(self._is_line, reaching.tolist())):
            return None
        return Strip(left, above.top, right, below.bottom)

    def _is_line(self, number: int) -> bool:
        """Whether a piece has the size of the text, and a line next to it or above and below."""
        if self.height[number] >= TITLE_RATIO * self.unit:
            return False
        top, bottom = self.top[number], self.bottom[number]
        middle, near = self.middle[number], LINE_GAP * self.unit
        others = np.abs(self.middle - middle) < 3 * self.unit
        others[number] = False
        if (np.abs(self.middle[others] - middle) < SAME_ROW * self.unit).any():
            return True
        is_below = (np.abs(self.top[others] - bottom) < near).any()
        return bool(is_below and (np.abs(self.bottom[others] - top) < near).any())

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
            sides = self._sides(band, *self._split(band), whole=True)
            if sides is not None and are_cells(*sides):
                parts.append(strip._replace(top=top, bottom=band.top))
                top = band.bottom
        return [*parts, strip._replace(top=top)]

    def _bands(self, strip: Strip) -> list[Strip]:
        """The strip, divided where the page is empty from left to right."""
        next_to = self.next_to(strip)
        bands: list[Strip] = []
        top, bottom = strip.top, math.inf
        for above, below in zip(
            self.top[next_to].tolist(), self.bottom[next_to].tolist(), strict=True
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
        next_to = self.next_to(strip)
        numbers = np.arange(next_to.start, next_to.stop)
        return (
            numbers[self.right[next_to] <= strip.left],
            numbers[self.left[next_to] >= strip.right],
        )

    def _sides(
        self, strip: Strip, left: Positions, right: Positions, whole: bool = False
    ) -> tuple[Side, Side] | None:
        """The lines next to a strip, where both sides have some; whole: all lines on its sides."""
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
        sides = self._sides(strip, left, right)
        if sides is None or not independent(*sides, strip.width / self.unit):
            return None
        return self._without_ends(strip, left, right)

    def _side(self, numbers: Positions, top: float, bottom: float) -> Side | None:
        """The pieces of a column that are next to the other column."""
        inside = (self.middle[numbers] > top) & (self.middle[numbers] < bottom)
        numbers = numbers[inside]
        if len(numbers) < 2:
            return None
        widths = self.right[numbers] - self.left[numbers]
        room = self.to_right[numbers] - self.from_left[numbers]
        return Side(
            self.middle[numbers],
            self.height[numbers],
            float(widths.max()) / self.unit,
            median(widths) / self.unit,
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
            tall = self.height[after[place]] >= TITLE_RATIO * median(self.height[left])
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
