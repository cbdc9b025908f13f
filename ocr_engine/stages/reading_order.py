"""The order in which a person reads boxes: rows from top to bottom, each from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

import numpy as np

from ocr_engine.stages.detection import QuadArray

ROW_OVERLAP = 0.5
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
    angle = -page_skew(corners)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = corners @ rotation.T
    across, down = corners.mean(axis=1).T.tolist()
    heights = np.minimum(
        np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1),
        np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1),
    ).tolist()
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda i: (down[i], across[i])):
        if rows and _same_row(rows[-1], index, down, heights):
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=across.__getitem__)]


def page_skew(corners: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The median slope in radians of boxes (n, 4, 2) at least three times as wide as high.

    0.0 if there are none, or if they are turned by more than MAX_SKEW_DEGREES.
    """
    top_edges = corners[:, 1] - corners[:, 0]
    side_edges = corners[:, 3] - corners[:, 0]
    widths = np.linalg.norm(top_edges, axis=1)
    long = widths >= 3 * np.linalg.norm(side_edges, axis=1)
    if not long.any():
        return 0.0
    skew = float(np.median(np.arctan2(top_edges[long, 1], top_edges[long, 0])))
    return skew if abs(skew) <= np.radians(MAX_SKEW_DEGREES) else 0.0


def _same_row(
    row: list[int], index: int, middles: Sequence[float], heights: Sequence[float]
) -> bool:
    """Whether the middles of box and row are close, relative to the smaller of their heights."""
    row_middle = fmean(middles[i] for i in row)
    smaller = min(median(heights[i] for i in row), heights[index])
    return abs(middles[index] - row_middle) < ROW_OVERLAP * smaller
