"""The order in which a person reads boxes: rows from top to bottom, each from left to right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

import numpy as np

from ocr_engine.stages.detection import Float64Array, QuadArray

Corners = np.ndarray[tuple[int, ...], np.dtype[np.float64]]  # of boxes: (n, 4, 2)

ROW_OVERLAP = 0.5
LONG_RATIO = 3.0  # width to height from which a box shows the slope of its line
SHORT_RATIO = 1.5  # from which several boxes together do
FEW = 5
UNSURE_DEGREES = 1.0  # short boxes of a level page have a median slope of less
MAX_SKEW_DEGREES = 20.0


def reading_order(boxes: Sequence[QuadArray]) -> list[int]:
    """Indices of the boxes, each (4, 2) clockwise from the top left, in reading order.

    First, the page is straightened by the median slope of its long boxes, so that a slightly
    rotated page keeps its rows. A box belongs to a row if their middles are close: nearer than
    ROW_OVERLAP times the smaller of their heights.
    """
    if not boxes:
        return []
    corners = np.array(boxes, dtype=np.float64)
    across, down = straighten(corners.mean(axis=1), page_skew(corners)).T.tolist()
    heights = side_lengths(corners).min(axis=1).tolist()
    return [index for row in group_rows(across, down, heights) for index in row]


def group_rows(
    across: Sequence[float], down: Sequence[float], heights: Sequence[float]
) -> list[list[int]]:
    """Group boxes into rows, by the places of their middles and their heights; see reading_order().

    The rows run from top to bottom, each from left to right.
    """
    rows: list[list[int]] = []
    for index in sorted(range(len(down)), key=lambda i: (down[i], across[i])):
        if rows and _same_row(rows[-1], index, down, heights):
            rows[-1].append(index)
        else:
            rows.append([index])
    return [sorted(row, key=across.__getitem__) for row in rows]


def column_order(boxes: Sequence[QuadArray], columns: Sequence[bool]) -> list[int]:
    """Indices of the boxes of a page that is written in vertical columns, in reading order.

    Columns run from the right; those below each other belong together, as words of a row do. Other
    boxes come before the columns if they lie above their middle, otherwise after them.
    columns: which of the boxes are columns.
    """
    standing = [index for index, is_column in enumerate(columns) if is_column]
    lying = [index for index, is_column in enumerate(columns) if not is_column]
    middle = median(float(boxes[index][:, 1].mean()) for index in standing)
    above = [index for index in lying if boxes[index][:, 1].mean() < middle]
    below = [index for index in lying if boxes[index][:, 1].mean() >= middle]
    on_their_side = [_rotated_left(boxes[index]) for index in standing]
    return [
        *(above[place] for place in reading_order([boxes[index] for index in above])),
        *(standing[place] for place in reading_order(on_their_side)),
        *(below[place] for place in reading_order([boxes[index] for index in below])),
    ]


def _rotated_left(box: QuadArray) -> QuadArray:
    """The box after a rotation by 90 degrees counter-clockwise around the image's corner.

    Its corners run clockwise from the one from which the next lies furthest to the right.
    """
    x, y = box.T
    rotated = np.stack((y, -x), axis=1)
    to_the_right = np.roll(rotated[:, 0], -1) - rotated[:, 0]
    return np.roll(rotated, -int(to_the_right.argmax()), axis=0)


def page_skew(corners: Corners) -> float:
    """The median slope in radians of boxes (n, 4, 2) at least three times as wide as high.

    Without such boxes, that of at least FEW shorter ones, unless it is too small to be sure of.
    0.0 if there are none, or if they are turned by more than MAX_SKEW_DEGREES.
    """
    top_edges = corners[:, 1] - corners[:, 0]
    widths, heights = side_lengths(corners).T
    ratio = widths / heights.clip(1e-6)
    chosen, least = ratio >= LONG_RATIO, 0.0
    if not chosen.any():
        chosen, least = ratio >= SHORT_RATIO, UNSURE_DEGREES
        if chosen.sum() < FEW:
            return 0.0
    skew = float(np.median(np.arctan2(top_edges[chosen, 1], top_edges[chosen, 0])))
    return skew if np.radians(least) <= abs(skew) <= np.radians(MAX_SKEW_DEGREES) else 0.0


def side_lengths(corners: Corners) -> Float64Array:
    """The lengths of the top and left sides of boxes (n, 4, 2), as (n, 2)."""
    sides: Float64Array = np.linalg.norm(corners[:, (1, 3)] - corners[:, :1], axis=2)
    return sides


def straighten(points: Float64Array, skew: float) -> Float64Array:
    """Points (..., 2) on the page after lines of this slope, in radians, were made level."""
    sine, cosine = math.sin(skew), math.cos(skew)
    rotated: Float64Array = points @ np.array([[cosine, -sine], [sine, cosine]])
    return rotated


def level_boxes(corners: Corners, skew: float) -> Float64Array:
    """Boxes (n, 4, 2) on the straightened page, as (n, 4): left, top, right, bottom."""
    if skew:
        middles, halves = straighten(corners.mean(axis=1), skew), side_lengths(corners) / 2
        return np.concatenate((middles - halves, middles + halves), axis=1)
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)


def _same_row(
    row: list[int], index: int, middles: Sequence[float], heights: Sequence[float]
) -> bool:
    """Whether the middles of box and row are close, relative to the smaller of their heights."""
    if len(row) == 1:
        (first,) = row
        row_middle, row_height = middles[first], heights[first]
    else:
        row_middle, row_height = fmean(middles[i] for i in row), median(heights[i] for i in row)
    return abs(middles[index] - row_middle) < ROW_OVERLAP * min(row_height, heights[index])
