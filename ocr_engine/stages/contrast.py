"""Stretches pixels of low contrast, which INT8 models do not see."""

from __future__ import annotations

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray

LOW_CONTRAST = 48  # levels of 255; ink of 0 on 16 was read in f32 and lost in INT8, 0 on 24 was not


def with_contrast(pixels: ImageArray) -> ImageArray:
    """Stretch (H, W, 3) uint8 that uses fewer than LOW_CONTRAST levels to all 256."""
    low, high, _, _ = cv2.minMaxLoc(pixels.reshape(pixels.shape[0], -1))
    if not 0 < high - low < LOW_CONTRAST:
        return pixels
    levels = np.rint((np.arange(256) - low) * (255 / (high - low)))
    stretched = cv2.LUT(pixels, np.clip(levels, 0, 255).astype(np.uint8))
    return stretched.astype(np.uint8, copy=False)
