"""0/180 degree text-line orientation: pre- and post-processing of the v2 classifier."""

from __future__ import annotations

import math

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import padded_crop

UPSIDE_DOWN = 1


def preprocess(crop: ImageArray, height: int = 48, width: int = 192) -> ImageArray:
    """Resize and pad a crop (H, W, 3) uint8 to (1, height, width, 3) uint8, keeping its ratio."""
    needed = math.ceil(height * crop.shape[1] / crop.shape[0])
    return padded_crop(crop, height, min(needed, width), width)


def is_upside_down(probabilities: FloatArray, threshold: float) -> bool:
    """Whether the probability of 180 degrees is above the threshold.

    probabilities: (1, 2), those of 0 and of 180 degrees.
    """
    return bool(probabilities[0, UPSIDE_DOWN] > threshold)


def turn(crop: ImageArray) -> ImageArray:
    """The crop rotated by 180 degrees."""
    return np.ascontiguousarray(crop[::-1, ::-1])
