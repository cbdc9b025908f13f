"""The size at which detection sees an image: reduced at first, larger while its text is small.

Detection's time grows with its pixels, but text needs only so many: lines of 17 pixels are found as
well as larger ones, and letters of hundreds of pixels are found worse (docs/decisions/0046).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ocr_engine.options import MAX_DETECTION_SIDE, RecognitionOptions
from ocr_engine.stages.detection import ScoredBox, detection_size, reduced_size

FIRST_PIXELS = 1_500_000  # of the first look; the text of larger images is usually larger, too
LEAST_HEIGHT = 16.5  # pixels of a line's box in what detection sees; below, characters are lost
SPARE = 1.15  # by which the next look is larger than that, as heights are known only roughly
FAINT_STEP = 1.5  # how much larger an image with faint boxes is seen
MOST_HEIGHT = 160  # above, lines are broken
GOOD_HEIGHT = 48
SMALLEST_SHARE = 10  # percent of the boxes; a few specks do not make a page one of small text

Find = Callable[[tuple[int, int]], list[ScoredBox]]  # the boxes, if detection sees this size


def find_boxes(
    height: int, width: int, options: RecognitionOptions, reduction: float, find: Find
) -> list[ScoredBox]:
    """The boxes in an image of this size.

    reduction: factor by which the sides of a large image may always be reduced at first; with 1, or
    a limit other than `auto`, detection looks once.
    """
    full = detection_size(height, width, options)
    if options.det_limit_type != "auto" or reduction == 1:
        return find(full)
    most = min(1.0, MAX_DETECTION_SIDE / max(height, width))
    seen = min(reduction, most, math.sqrt(FIRST_PIXELS / (height * width)))
    size = detection_size(height, width, options, reduction)
    if size == full:
        seen = most
    elif seen < reduction:
        size = reduced_size(height, width, seen)
    boxes = find(size)
    lowest = _lowest(boxes)
    if lowest * seen > MOST_HEIGHT:
        seen = GOOD_HEIGHT / lowest
        boxes = find(reduced_size(height, width, seen))
    while seen < most and (needed := _needed(boxes, seen, options)) > seen:
        seen = needed if needed <= min(reduction, most) else most
        boxes = find(full if seen == most else reduced_size(height, width, seen))
    return boxes


def _needed(boxes: Sequence[ScoredBox], seen: float, options: RecognitionOptions) -> float:
    """The factor by which the image should be reduced, if these are the boxes at `seen`.

    1 if there are none, because all of them may have been lost. A faint box may be text that fades.
    """
    if not boxes:
        return 1.0
    least = LEAST_HEIGHT / _lowest(boxes)
    if least > seen:
        return least * SPARE
    is_faint = any(box.score < options.det_db_box_thresh for box in boxes)
    return seen * FAINT_STEP if is_faint else seen


def _lowest(boxes: Sequence[ScoredBox]) -> float:
    """The height in the image that the smallest lines have; 0 if there are none."""
    heights = sorted(box.height for box in boxes)
    return heights[(len(heights) - 1) * SMALLEST_SHARE // 100] if heights else 0.0
