"""How the text of a line is divided into strings that lie where their characters are.

A string is drawn with one horizontal scale, and the next one begins where it ends: a gap would be a
space in the eyes of programs that copy text. So a line is one string as long as its characters are
as far apart as their widths say, and is divided where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

SHORTEST = 0.01  # of a string, in pixels: a scale of zero is not allowed


class Part(NamedTuple):
    """A word, a character or the space between two of them, and its extent along the line.

    For a space, the extent is not used.
    """

    text: str
    start: float
    end: float

    @property
    def is_space(self) -> bool:
        """Whether there is nothing to be seen of it."""
        return self.text.isspace()


class Piece(NamedTuple):
    """A string and its length along the line, in pixels."""

    text: str
    length: float


class _Range(NamedTuple):
    """Parts that lie between two positions on the line."""

    first: int
    last: int  # the first one after them
    left: float
    right: float


def divided(
    parts: Sequence[Part], width: Callable[[str], int], tolerance: float
) -> Iterator[Piece]:
    """The strings of a line, in order, from the start of its first part to the end of its last.

    width: natural widths. tolerance: by how many pixels a part may lie outside of its place.
    """
    widths = [max(width(part.text), 1) for part in parts]
    before = [0, *accumulate(widths)]
    gaps = [_gap(*pair) for pair in pairwise(parts)]
    left, right = parts[0].start, max(parts[-1].end, parts[0].start + SHORTEST)
    waiting = [_Range(0, len(parts), left, right)]
    while waiting:
        found = waiting.pop()
        cut = _worst_cut(found, before, gaps, tolerance)
        if cut is None:
            text = "".join(part.text for part in parts[found.first : found.last])
            yield Piece(text, found.right - found.left)
        else:
            place, at = cut
            waiting.append(_Range(place, found.last, at, found.right))
            waiting.append(_Range(found.first, place, found.left, at))


def _worst_cut(
    found: _Range, before: Sequence[int], gaps: Sequence[tuple[float, float]], tolerance: float
) -> tuple[int, float] | None:
    """The part to cut in front of, and where; None if the whole range may be one string."""
    start = before[found.first]
    scale = (found.right - found.left) / (before[found.last] - start)
    worst, cut = tolerance, None
    for place in range(found.first + 1, found.last):
        now = found.left + (before[place] - start) * scale
        low, high = gaps[place - 1]
        if low - worst <= now <= high + worst:
            continue
        at = low if now < low else high
        error = abs(at - now)
        if error > worst and found.left + SHORTEST < at < found.right - SHORTEST:
            worst, cut = error, (place, at)
    return cut


def _gap(before: Part, after: Part) -> tuple[float, float]:
    """Between which positions a string may end, if the next one begins with the second part."""
    if after.is_space:
        return before.end, before.end
    if before.is_space:
        return after.start, after.start
    return min(before.end, after.start), max(before.end, after.start)
