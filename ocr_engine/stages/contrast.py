"""Stretches pixels of low contrast, which INT8 models do not see."""

from __future__ import annotations

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray

# Levels of 255. INT8 lost ink of level 0 on a background of 16, which f32 read; on 24 both read it.
LOW_CONTRAST = 48


def with_contrast(pixels: ImageArray) -> ImageArray:
    """Stretch (H, W, 3) uint8 that uses fewer than LOW_CONTRAST levels to all 256."""
    low, high, _, _ = cv2.minMaxLoc(pixels.reshape(pixels.shape[0], -1))
    if not 0 < high - low < LOW_CONTRAST:
        return pixels
    levels = np.rint((np.arange(256) - low) * (255 / (high - low)))
    stretched = cv2.LUT(pixels, np.clip(levels, 0, 255).astype(np.uint8))
    return stretched.astype(np.uint8, copy=False)
