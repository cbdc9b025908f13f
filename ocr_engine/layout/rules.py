"""Finds the long straight lines that are drawn on a page, such as those of tables.

A horizontal rule is a thin dark place, with light above and below it, at the same height in many
columns of pixels without a gap; in text there are gaps between the letters. Every few columns of
pixels suffice for that. Vertical rules are found in the same way, on the image's side.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray

SAMPLES = 600  # columns of pixels that are looked at
LEAST_LENGTH = 26  # pixels of a rule
LEAST_SHARE = 40  # of the page's width or height: the same, of a large page
CONTRAST = 24  # levels of 255 by which a rule is darker than what is on both sides of it
THIN = 4  # pixels from a rule's middle to what is not the rule, on a page of less than 1000 pixels
CROSSING = 4  # pixels in which a rule may be crossed by another
SKEWED = 0.004  # radians; rules of a page that is turned by more are not level after straightening
MOST = 500  # rules of each direction; a page with more is a drawing

Rule = tuple[float, float, float, float]  # from (x, y) to (x, y), in pixels


def find_rules(pixels: ImageArray, skew: float = 0.0) -> tuple[Rule, ...]:
    """The rules of an image (H, W, 3) whose lines of text rise or fall by this angle in radians.

    None unless there are two horizontal ones: nothing less can be a table.
    """
    green = pixels[:, :, 1]
    across = _rules(green, math.tan(skew))
    if len(across) < 2:
        return ()
    down = _rules(green.T, -math.tan(skew))
    return (*across, *((ax, ay, bx, by) for ay, ax, by, bx in down))


def _rules(grey: ImageArray, slope: float) -> list[Rule]:
    """The rules that are nearly horizontal."""
    height, width = grey.shape
    reach = max(THIN, min(height, width) // 250)
    step = -(-width // SAMPLES)
    least = max(LEAST_LENGTH, width // LEAST_SHARE) // step
    places = np.arange(step // 2, width, step)
    if height <= 2 * reach or len(places) < least:
        return []
    samples, shifts = _samples(grey, places, slope)
    around = cv2.min(samples[: -2 * reach], samples[2 * reach :])
    darker = cv2.subtract(around, samples[reach:-reach])
    thin = cv2.threshold(darker, CONTRAST, 1, cv2.THRESH_BINARY)[1]
    paper = float(np.percentile(samples[::16, ::16], 90))
    dark = cv2.threshold(samples[reach:-reach], paper - CONTRAST, 1, cv2.THRESH_BINARY_INV)[1]
    crossing = 2 * -(-CROSSING // (2 * step)) + 1
    closed = cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((1, crossing), np.uint8))
    thin = cv2.bitwise_and(closed, dark)  # where rules cross, they are not thin
    if abs(slope) > SKEWED:
        thin = cv2.dilate(thin, np.ones((3, 1), np.uint8))
    ends = cv2.erode(thin, np.ones((1, least), np.uint8))
    used = np.flatnonzero(ends.any(axis=1))
    if not len(used):
        return []
    gaps = np.cumsum(np.diff(used, prepend=used[0]) > 1)
    rows = np.arange(len(used)) + gaps
    packed = np.zeros((int(rows[-1]) + 1, ends.shape[1]), dtype=np.uint8)  # each gap is one row
    packed[rows] = ends[used]
    heights = np.zeros(len(packed))
    heights[rows] = used + reach
    runs = cv2.dilate(packed, np.ones((1, least), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs)
    if count > MOST:
        return []
    rules = []
    for number, (x, y, across, down, _) in enumerate(stats[1:].tolist(), 1):
        if down > reach + 4 + across * step // 30:
            continue  # text or a shadow
        inside = labels[y : y + down, x : x + across] == number
        at = heights[y : y + down]
        left, right = (float(at[inside[:, end]].mean()) for end in (0, -1))
        rules.append(
            (
                float(places[x] - step / 2),
                left + float(shifts[x]),
                float(places[x + across - 1] + step / 2),
                right + float(shifts[x + across - 1]),
            )
        )
    return rules


def _samples(
    grey: ImageArray, places: np.ndarray[tuple[int], np.dtype[np.intp]], slope: float
) -> tuple[ImageArray, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """The columns of pixels at these places, and by how much each is moved to be level."""
    height, width = grey.shape
    shifts = np.rint(slope * (places - width / 2)).astype(np.intp)
    if not shifts.any():
        step = int(places[1] - places[0]) if len(places) > 1 else 1
        return np.ascontiguousarray(grey[:, int(places[0]) :: step]), shifts
    down = np.clip(np.arange(height)[:, None] + shifts, 0, height - 1)
    return grey[down, places], shifts
