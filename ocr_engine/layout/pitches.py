"""The distances of the lines of a page, and which are near enough to be those of a paragraph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ocr_engine.layout.pieces import same_size, weighted_quantile
from ocr_engine.layout.rows import Row

TITLE_RATIO = 1.2  # height of a title to that of the text
SAME_BOX = 1.12  # ratio of the heights of boxes of lines in the same font
SAME_COLUMN_BOX = 1.4  # the same, of lines with the same edges
SAME_EDGE = 0.7  # in heights: lines that end at the same edge
PITCH_RATIO = 1.22  # to the usual distance of lines: a paragraph ends
WIDEST_PITCH = 1.85  # distance of lines, in heights: from this, a paragraph ends
USUAL_PITCH = 1.4  # distance of lines, in heights, if the page does not show it
PITCH_RANGE = 1.35  # of distances of lines on a page, to the usual one
FEWEST_PITCHES = 3  # that show the usual one


class Body(NamedTuple):
    """The text of a page: the height of its lines and boxes; their usual distance in heights."""

    height: float
    box: float = 0.0
    pitch: float = USUAL_PITCH
    has_titles: bool = True


def body_of(areas: Sequence[Sequence[Row]], height: float) -> Body:
    """The text of a page, from the rows of its areas."""
    pitches: list[tuple[float, float]] = []
    within: list[tuple[float, float]] = []
    for rows in areas:
        edge = max((row.right for row in rows if not row.is_table), default=0.0)
        for above, below in pairwise(rows):
            if not alike(above, below):
                continue
            pitch = 2 * (below.middle - above.middle) / (above.height + below.height)
            pitches.append((pitch, above.right - above.left))
            if edge - above.right <= below.first_word:
                within.append(pitches[-1])
    if len(within) >= FEWEST_PITCHES:  # short lines, such as those of a program, may be closer
        pitches = within
    usual = weighted_quantile(pitches, 0.25) if len(pitches) >= FEWEST_PITCHES else USUAL_PITCH
    heights = [row.height for rows in areas for row in rows]
    tall = sum(each >= TITLE_RATIO * height for each in heights)
    boxes = sorted(row.bottom - row.top for rows in areas for row in rows)
    box = boxes[len(boxes) // 2] if boxes else 0.0
    return Body(height, box, usual, 2 * tall < len(heights))


def alike(above: Row, below: Row) -> bool:
    """Whether two rows may be lines in the same font."""
    if above.is_table or below.is_table:
        return False
    low, high = sorted((above.bottom - above.top, below.bottom - below.top))
    if high <= SAME_BOX * low or same_size(above.height, below.height):
        return True
    return high <= SAME_COLUMN_BOX * low and same_edges(above, below)


def same_edges(one: Row, other: Row) -> bool:
    """Whether two rows begin and end at the same places, as justified lines do."""
    slack = SAME_EDGE * min(one.height, other.height)
    return abs(one.left - other.left) <= slack and abs(one.right - other.right) <= slack


def close_rows(rows: Sequence[Row], usual: float) -> list[bool]:
    """Whether each row but the last is as near to the next one as lines of a paragraph are.

    Two rows are near if their distance is not much larger than that of the nearest rows above or
    below. If neither of those is small enough to compare with, the usual distance is used.
    """
    pitches = [
        below.middle - above.middle if alike(above, below) else math.inf
        for above, below in pairwise(rows)
    ]
    close = []
    for number, (above, below) in enumerate(pairwise(rows)):
        height = (above.height + below.height) / 2
        near = [
            min(part)
            for part in (pitches[max(number - 2, 0) : number], pitches[number + 1 : number + 3])
            if part and min(part) <= PITCH_RANGE * usual * height
        ]
        reference = max(near, default=usual * height)
        pitch = pitches[number]
        close.append(pitch <= PITCH_RATIO * reference and pitch <= WIDEST_PITCH * height)
    return close
