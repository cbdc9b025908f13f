"""Divides a page into areas: its columns, and what lies across, above and below them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from ocr_engine.layout.gutters import Region
from ocr_engine.layout.pieces import Piece, body_height
from ocr_engine.layout.strips import Strip, empty_strips

FEWEST = 4  # lines of two columns
GUTTER = 0.5  # width of a strip, in heights of a line
TWO_ROWS = 1.8  # height of a strip, in heights of a line
SPACE_ABOVE = 0.6  # in heights of a line, between the text and a title across columns
SPACE_BELOW = 0.35
ACROSS_RATIO = 1.1  # height of a title across columns to that of the text, at least
ROOM = 1.2  # in heights of a line, above and below a title across columns


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
        if len(region) < FEWEST:
            found += [Area(region)] if region else []
            continue
        strips = empty_strips(_edges(region, unit), GUTTER * unit, TWO_ROWS * unit)
        cuts = Region(region, strips, unit).cuts() if strips else []
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
        if piece.height >= ACROSS_RATIO * unit and _is_across(region, number, unit):
            edges[number] = (left, piece.top, right, piece.bottom)
    return edges


def _is_across(region: Sequence[Piece], number: int, unit: float) -> bool:
    """Whether a piece is alone in its row, and the text to its right leaves more room than that."""
    piece = region[number]
    slack = (piece.bottom - piece.top) / 5
    low, high = piece.top + slack, piece.bottom - slack
    if any(other.bottom > low and other.top < high for other in region if other is not piece):
        return False
    above, below = region[:number], region[number + 1 :]
    to_right = [[other for other in part if other.left >= piece.right] for part in (above, below)]
    if not all(to_right):
        return False
    gap_above = piece.top - max(other.bottom for other in above)
    gap_below = min(other.top for other in below) - piece.bottom
    room = min(p.top for p in to_right[1]) - max(p.bottom for p in to_right[0])
    return (
        gap_above >= SPACE_ABOVE * unit
        and gap_below >= SPACE_BELOW * unit
        and room >= piece.bottom - piece.top + ROOM * unit
    )


def _cut(region: Sequence[Piece], cuts: Sequence[Strip]) -> list[list[Piece]]:
    """Left and right of each cut, and what lies above, between and below them."""
    parts: list[list[Piece]] = [[] for _ in range(3 * len(cuts) + 1)]
    bottoms = [cut.bottom for cut in cuts]
    for piece in region:
        number = bisect_left(bottoms, piece.middle)
        if number == len(cuts) or piece.middle < cuts[number].top:
            parts[3 * number].append(piece)
        elif 2 * piece.left > cuts[number].left + cuts[number].right:
            parts[3 * number + 2].append(piece)
        else:
            end = min(piece.right, cuts[number].left)
            parts[3 * number + 1].append(piece._replace(right=end))
    return parts
