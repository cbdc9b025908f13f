"""Finds the empty strips of a page: what separates columns, of text or of a table.

A sweep from the top keeps, for each x, since where the page is empty (a skyline). A piece ends the
strips above it. Cf. the gap tree of Umi-OCR, which intersects the gaps of consecutive rows, and
Breuel, "Two Geometric Algorithms for Layout Analysis", 2002, who finds all empty rectangles.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

MOST = 60  # strips of a region

Edges = tuple[float, float, float, float]  # left, top, right, bottom


class Strip(NamedTuple):
    """An empty rectangle, with text on its left and on its right; in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """Halfway between left and right."""
        return (self.left + self.right) / 2

    def is_part_of(self, other: Strip, slack: float) -> bool:
        """Whether it is the same strip, seen over a part of its height; up to this many pixels."""
        return (
            other.top <= self.top + slack
            and self.bottom <= other.bottom + slack
            and other.left < self.right
            and self.left < other.right
        )


def empty_strips(edges: Iterable[Edges], least_width: float, least_height: float) -> list[Strip]:
    """The strips between boxes, which come in the order of their middles; the best first.

    At most MOST: the highest, and of those the widest. There are none at the left and right edges.
    """
    boxes = list(edges)
    if not boxes:
        return []
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    skyline = _Skyline(min(lefts), max(rights), min(tops), least_width, least_height)
    found: list[Strip] = []
    for left, top, right, bottom in boxes:
        for strip in skyline.cover(left, top, right, bottom):
            rest = max(left - strip.left, strip.right - right)
            if rest < max(least_width, strip.width / 2):  # otherwise most of it continues
                found.append(strip)
    found += skyline.rest(max(bottoms))
    kept: list[Strip] = []
    for strip in sorted(found, key=lambda s: (-s.height * min(s.width, 1.5 * least_width), s.left)):
        if len(kept) < MOST and not any(strip.is_part_of(each, least_height) for each in kept):
            kept.append(strip)
    return kept


class _Skyline:
    """The intervals of x, and since which y each of them is empty.

    Only strips of this width and height are found.
    """

    def __init__(
        self, left: float, right: float, top: float, least_width: float, least_height: float
    ) -> None:
        self._right = right
        self._least_width = least_width
        self._least_height = least_height
        self._starts = [left]
        self._since = [top]

    def cover(self, left: float, top: float, right: float, bottom: float) -> list[Strip]:
        """Put a box under the skyline; the strips that it ends."""
        starts, since = self._starts, self._since
        low = bisect_right(starts, left) - 1
        high = max(bisect_left(starts, right) - 1, low)
        ended = self._strips(low, high, top)
        beyond = self._end(high)
        lowest = max(bottom, *since[low : high + 1])
        if right < beyond:
            starts.insert(high + 1, right)
            since.insert(high + 1, since[high])
        if starts[low] < left:
            low += 1
            starts.insert(low, left)
            since.insert(low, lowest)
            high += 1
        starts[low + 1 : high + 1] = []
        since[low : high + 1] = [lowest]
        return ended

    def rest(self, bottom: float) -> list[Strip]:
        """The strips that nothing has ended above the bottom of the page."""
        return self._strips(0, len(self._starts) - 1, bottom)

    def _end(self, number: int) -> float:
        return self._starts[number + 1] if number + 1 < len(self._starts) else self._right

    def _strips(self, low: int, high: int, bottom: float) -> list[Strip]:
        """The strips of these intervals, as wide as they are empty; none at the page's edges."""
        strips = []
        since = self._since
        latest = bottom - self._least_height
        for number in range(low, high + 1):
            top = since[number]
            if top > latest:
                continue
            first = last = number
            while first > 0 and since[first - 1] <= top:
                first -= 1
            while last + 1 < len(since) and since[last + 1] <= top:
                last += 1
            if first == 0 or last + 1 == len(since):
                continue
            strip = Strip(self._starts[first], top, self._end(last), bottom)
            if strip.width >= self._least_width:
                strips.append(strip)
        return strips
