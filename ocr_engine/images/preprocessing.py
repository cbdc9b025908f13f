"""Changes of pixels that a request may ask for before its image is read.

Each takes a bounded time per pixel (docs/decisions/0045). Straightening needs the lines of the page
and is in straightening.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.options import Preprocessing

CLIP_LIMIT, TILES = 2.0, (8, 8)  # of CLAHE
CLIPPED_SHARE = 0.001  # of the pixels at each end that stretching makes black or white
NOISE_STRENGTH = 10.0
# The time grows with the square of the search window; OpenCV's default of 21 takes nine times as
# long.
TEMPLATE_WINDOW, SEARCH_WINDOW = 5, 7


def preprocessed(pixels: ImageArray, steps: Sequence[Preprocessing]) -> ImageArray:
    """(H, W, 3) uint8 in BGR order after these steps, except `deskew`."""
    for step in steps:
        change = _CHANGES.get(step)
        if change is not None:
            pixels = change(pixels)
    return pixels


def denoise(pixels: ImageArray) -> ImageArray:
    """Without the noise of scanners and cameras; in shades of grey.

    Buades, Coll, Morel, "A Non-Local Algorithm for Image Denoising", CVPR 2005.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    smooth = cv2.fastNlMeansDenoising(grey, None, NOISE_STRENGTH, TEMPLATE_WINDOW, SEARCH_WINDOW)
    return cv2.cvtColor(smooth, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)


def stretch(pixels: ImageArray) -> ImageArray:
    """With the levels that are in use stretched to all 256, the same for all channels."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().cumsum()
    low = int(np.searchsorted(counts, counts[-1] * CLIPPED_SHARE, side="right"))
    high = int(np.searchsorted(counts, counts[-1] * (1 - CLIPPED_SHARE)))
    if high <= low:
        return pixels
    levels = np.rint((np.arange(256) - low) * (255 / (high - low)))
    return cv2.LUT(pixels, np.clip(levels, 0, 255).astype(np.uint8)).astype(np.uint8, copy=False)


def equalize(pixels: ImageArray) -> ImageArray:
    """With more contrast where there is little: CLAHE of the lightness.

    Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994.
    """
    lab = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)
    lab[..., 0] = cv2.createCLAHE(CLIP_LIMIT, TILES).apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR).astype(np.uint8, copy=False)


_CHANGES: Mapping[Preprocessing, Callable[[ImageArray], ImageArray]] = {
    "denoise": denoise,
    "stretch": stretch,
    "clahe": equalize,
}
