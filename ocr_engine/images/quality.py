"""How well the text of an image can be seen: sharpness, contrast, and the height of small text."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ocr_engine.geometry import level_box, line_height
from ocr_engine.images.decode import ImageArray
from ocr_engine.result import Line, Page, Problem, Quality

SAMPLE = 6  # lines that are measured, spread over the page
SEEN_HEIGHT = 48  # pixels; sharpness is judged at the size at which recognition sees a line
LONGEST = 10  # heights of a line that are measured
TEXT_SHARE = 0.8  # height of letters, from descenders to ascenders, relative to a line's box
SMALLEST_SHARE = 10  # percent of the lines; a few specks do not make the text small
STEEPEST_SHARE = 0.01  # of the pixels of a line; they are the edges of its letters

# What is worth another photo, if the text also reads badly.
READS_WELL = 0.9
BLURRED = 0.2
FAINT = 0.2
SMALL = 10


def quality_of(pixels: ImageArray, page: Page, was_read: bool = True) -> Quality | None:
    """The quality of an image with this page, whose size may differ; None without lines.

    was_read: whether the confidence is that of reading, not of detection alone.
    """
    lines = page.lines
    if not lines:
        return None
    heights = sorted(line_height(line.box) for line in lines)
    smallest = heights[(len(heights) - 1) * SMALLEST_SHARE // 100] * TEXT_SHARE
    scale = pixels.shape[1] / page.width
    found = [_seen(pixels, line, scale) for line in _sample(lines)]
    contrast = median(each for each, _ in found)
    sharpness = median(each for _, each in found)
    problems: list[Problem] = []
    if was_read and page.confidence < READS_WELL:
        problems += ["blurred"] if sharpness < BLURRED else []
        problems += ["faint"] if contrast < FAINT else []
        problems += ["small_text"] if smallest < SMALL else []
    return Quality(round(sharpness, 2), round(contrast, 2), round(smallest), tuple(problems))


def _sample(lines: Sequence[Line]) -> Sequence[Line]:
    return [lines[n] for n in sorted({n * len(lines) // SAMPLE for n in range(SAMPLE)})]


def _seen(pixels: ImageArray, line: Line, scale: float) -> tuple[float, float]:
    """Contrast and sharpness of a line, from 0 to 1.

    Sharpness: by how much of its contrast neighbouring pixels at the edges of its letters differ.
    """
    left, top, right, bottom = (round(side * scale) for side in level_box(line.box))
    height, width = bottom - top, right - left
    across = min(width, LONGEST * height)
    down = min(height, LONGEST * width)
    crop = pixels[top : top + max(down, 1), left : left + max(across, 1)]
    if not crop.size:
        return 0.0, 0.0
    ratio = SEEN_HEIGHT / min(crop.shape[:2])
    size = max(1, round(crop.shape[1] * ratio)), max(1, round(crop.shape[0] * ratio))
    interpolation = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    grey = cv2.cvtColor(cv2.resize(crop, size, interpolation=interpolation), cv2.COLOR_BGR2GRAY)
    low, high = _level(grey, STEEPEST_SHARE), _level(grey, 1 - STEEPEST_SHARE)
    if high <= low:
        return 0.0, 0.0
    steps = (cv2.absdiff(grey[1:], grey[:-1]), cv2.absdiff(grey[:, 1:], grey[:, :-1]))
    steepest = max(_level(step, 1 - STEEPEST_SHARE) for step in steps if step.size)
    return (high - low) / 255, min(1.0, steepest / (high - low))


def _level(values: npt.NDArray[Any], share: float) -> int:
    """The value (0 to 255) that this share of the values does not exceed."""
    counts = np.bincount(values.ravel().astype(np.uint8, copy=False), minlength=256).cumsum()
    return int(np.searchsorted(counts, counts[-1] * share))
