"""Boxes that reach into a gutter: lines of two columns that detection has joined, or nearly so.

Where a gutter is narrow, some rows are a single box across it, or one of their boxes fills it. The
other rows show where the gutter is; a box without ink there is divided, or made shorter. That is
done before the lines are read, so that all outputs have the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.layout.pieces import weighted_quantile
from ocr_engine.layout.strips import empty_strips
from ocr_engine.stages.cropping import crop_region, cut_out
from ocr_engine.stages.detection import ScoredBox
from ocr_engine.stages.reading_order import level_boxes, page_skew, side_lengths
from ocr_engine.stages.word_boxes import GROUND, ink_of_columns, part_of_box, runs_of

FEWEST = 5  # boxes on a page with such a gutter
GUTTER = 0.4  # width of a gutter between the boxes, in heights of a line
ROWS = 2.5  # height of the gutter above or below the box, in heights of a line
REACH = 0.25  # of the box into the gutter, at least, in heights of a line
SIDE = 1.0  # of the box on one side of the gutter, at least, in heights of a line
TALLEST = 1.4  # ratio of the box's height to that of the text: a higher one is a title
TOUCH = 0.7  # from the gutter's end to the box, in heights of a line
OPEN = 0.75  # of the gutter's width that has no ink
RULE = 0.15  # width of a rule between columns, in heights of a line
LEAST_GAP = 0.6  # between two parts, without ink, in heights of the box
SLIVER = 0.15  # of ink, in heights of the box: less is the edge of a letter in another box
MARGIN = 0.2  # that each part keeps of the gutter, in heights of a line
MOST_ROUNDS = 6  # each divides the boxes next to what the one before has divided

Span = tuple[float, float]  # fractions of a box's width


def divided(boxes: Sequence[ScoredBox], pixels: ImageArray) -> list[ScoredBox]:
    """The boxes of an image, with two or more instead of each that joins columns."""
    found = list(boxes)
    for _ in range(MOST_ROUNDS):
        changed: dict[int, list[ScoredBox]] = {}
        for number, gutter in _crossings([box.corners for box in found]):
            box = found[number]
            if number not in changed and (spans := _spans(box.corners, gutter, pixels)):
                parts = (part_of_box(box.corners, start, end) for start, end in spans)
                changed[number] = [box._replace(corners=part.astype(np.float32)) for part in parts]
        if not changed:
            break
        found = [part for number, box in enumerate(found) for part in changed.get(number, [box])]
    return found


def _crossings(boxes: Sequence[FloatArray]) -> Iterator[tuple[int, Span]]:
    """The boxes that reach into a gutter that ends at them, and which part of them it would be."""
    if len(boxes) < FEWEST:
        return
    corners = np.array(boxes, dtype=np.float64)
    edges = level_boxes(corners, page_skew(corners))
    left, top, right, bottom = edges.T
    heights = side_lengths(corners)[:, 1]
    unit = weighted_quantile(zip(heights.tolist(), (right - left).tolist(), strict=True), 0.5)
    order = np.argsort(top + bottom, kind="stable")
    strips = empty_strips(map(tuple, edges[order].tolist()), GUTTER * unit, ROWS * unit)
    for strip in strips:
        near = np.minimum(np.abs(top - strip.bottom), np.abs(bottom - strip.top)) < TOUCH * unit
        reach = np.minimum(right, strip.right) - np.maximum(left, strip.left) > REACH * unit
        outside = np.maximum(strip.left - left, right - strip.right) > SIDE * unit
        for number in np.flatnonzero(near & reach & outside & (heights <= TALLEST * unit)).tolist():
            width = float(right[number] - left[number])
            start = float(strip.left - left[number]) / width
            yield number, (start, start + strip.width / width)


def _spans(box: FloatArray, gutter: Span, pixels: ImageArray) -> list[Span]:
    """The parts of a box on the sides of a gutter; none if there is ink in it.

    A rule in the gutter does not count.
    """
    region = crop_region(box)
    if region is None or region.is_vertical:
        return []
    crop = cut_out(pixels, region)
    height, width = crop.shape[:2]
    start, end = max(gutter[0] * width, 0.0), min(gutter[1] * width, float(width))
    starts, ends = runs_of(ink_of_columns(crop) >= GROUND)
    is_rule = (starts > start) & (ends < end) & (ends - starts <= RULE * height)
    if is_rule.sum() == 1:
        starts, ends = starts[~is_rule], ends[~is_rule]
    after = int(np.searchsorted(starts, (start + end) / 2))
    first = float(ends[after - 1]) if after else 0.0
    last = float(starts[after]) if after < len(starts) else float(width)
    gap, inside = last - first, min(last, end) - max(first, start)
    if inside < OPEN * (end - start) or (0 < after < len(starts) and gap < LEAST_GAP * height):
        return []
    margin = min(MARGIN * height, gap / 3)
    spans: list[Span] = []
    if after and first - starts[0] >= SLIVER * height:
        spans.append((0.0, (first + margin) / width))
    if after < len(starts) and ends[-1] - last >= SLIVER * height:
        spans.append(((last - margin) / width, 1.0))
    return spans
