"""Whether the lines on both sides of an empty strip belong together.

If they do not, they are those of two columns. In receipts, forms and tables they are in rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

NARROW = 5.0  # width of a column, in heights of a line: below, it may be one of a table
WIDE = 8.0  # from which it may be a column whose lines are next to those of another
WIDEST_GUTTER = 4.0  # in heights of a line, between lines that are next to each other
WIDEST_PITCH = 2.0  # distance of such lines, in heights
LEAST_ROWS = 3  # of a table
MANY = 8  # lines of a column that are next to those of another
APART = 0.3  # of a line's height: the middles of lines that are not in one row


def median(values: Numbers) -> float:
    """The upper median: np.median() takes ten times as long for few values."""
    return float(np.sort(values)[len(values) // 2])


class Side(NamedTuple):
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
        """The median distance from one line to the next, in heights of a line."""
        return median(np.diff(self.middles)) / median(self.heights)

    def apart(self, other: Side) -> float:
        """The share of lines that have no line of the other side in their row."""
        after = np.searchsorted(other.middles, self.middles).clip(1, len(other.middles) - 1)
        above = np.abs(other.middles[after - 1] - self.middles)
        below = np.abs(other.middles[after] - self.middles)
        return float((np.minimum(above, below) > APART * self.heights).mean())


def are_cells(left: Side, right: Side) -> bool:
    """Whether the pieces on both sides of a strip are short, and in the same rows."""
    short = max(left.numeric, right.numeric) > 0.5 or min(left.usual, right.usual) < NARROW
    return (
        short
        and min(len(left.middles), len(right.middles)) >= LEAST_ROWS
        and max(left.apart(right), right.apart(left)) <= 0.15
    )


def independent(left: Side, right: Side, gutter: float) -> bool:
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
