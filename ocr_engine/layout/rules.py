"""Finds the long straight lines that are drawn on a page, such as those of tables.

Only some columns of pixels are looked at, a few pixels apart: a horizontal rule is a thin dark
place at the same height in several of them, and text is not. So it takes about as long as reading
a few per cent of the pixels. Vertical rules are found in the same way, on the image's side.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray

SAMPLES = 200  # columns of pixels that are looked at
LEAST_STEP = 4  # pixels between them
LEAST_RUN = 5  # columns that a rule crosses
CONTRAST = 24  # levels of 255 by which a rule is darker than what is on both sides of it
THIN = 4  # pixels from a rule's middle to what is not the rule, on a page of less than 1000 pixels
MOST = 400  # rules of each direction; a page with more is a drawing

Rule = tuple[float, float, float, float]  # from (x, y) to (x, y), in pixels


def find_rules(pixels: ImageArray, skew: float = 0.0) -> tuple[Rule, ...]:
    """The rules of an image (H, W, 3) whose lines of text rise or fall by this angle in radians.

    None unless there are two horizontal ones: nothing less can be a table.
    """
    grey = pixels[..., 1]
    across = _rules(grey, math.tan(skew))
    if len(across) < 2:
        return ()
    down = _rules(grey.T, -math.tan(skew))
    return (*across, *((ax, ay, bx, by) for ay, ax, by, bx in down))


def _rules(grey: ImageArray, slope: float) -> list[Rule]:
    """The rules that are nearly horizontal."""
    height, width = grey.shape
    reach = max(THIN, min(height, width) // 250)
    step = max(LEAST_STEP, width // SAMPLES)
    places = np.arange(step // 2, width, step)
    if height <= 2 * reach or len(places) < LEAST_RUN:
        return []
    shifts = np.rint(slope * (places - width / 2)).astype(np.intp)
    if shifts.any():
        down = np.clip(np.arange(height)[:, None] + shifts, 0, height - 1)
        samples = grey[down, places]
    else:
        samples = np.ascontiguousarray(grey[:, places[0] :: step])
    around = cv2.min(samples[: -2 * reach], samples[2 * reach :])
    darker = cv2.subtract(around, samples[reach:-reach])
    thin = cv2.threshold(darker, CONTRAST, 1, cv2.THRESH_BINARY)[1]
    thin = cv2.dilate(thin, np.ones((3, 1), np.uint8))  # a rule may be slightly skewed
    thin = cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    runs = cv2.morphologyEx(thin, cv2.MORPH_OPEN, np.ones((1, LEAST_RUN), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs)
    if not 1 < count <= MOST:
        return []
    rules = []
    for number, (x, y, across, down, _) in enumerate(stats[1:].tolist(), 1):
        if down > reach + 4 + across * step // 30:
            continue  # text or a shadow
        inside = labels[y : y + down, x : x + across] == number
        first, last = (float(np.flatnonzero(inside[:, end]).mean()) for end in (0, -1))
        rules.append(
            (
                float(places[x] - step / 2),
                y + reach + first + float(shifts[x]),
                float(places[x + across - 1] + step / 2),
                y + reach + last + float(shifts[x + across - 1]),
            )
        )
    return rules
