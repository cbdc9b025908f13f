"""Classification: does a line stand on its head? Pre- and post-processing of the v2 classifier."""

from __future__ import annotations

import math

import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import padded_crop
from ocr_engine.stages.detection import FloatArray

UPSIDE_DOWN = 1


def preprocess(crop: ImageArray, height: int = 48, width: int = 192) -> ImageArray:
    """A crop (H, W, 3) uint8 as (1, height, width, 3) uint8; the ratio is kept."""
    needed = math.ceil(height * crop.shape[1] / crop.shape[0])
    return padded_crop(crop, height, min(needed, width), width)


def is_upside_down(probabilities: FloatArray, threshold: float) -> bool:
    """Whether the model's (1, 2) answer (0 degrees, 180 degrees) is surely the latter."""
    return bool(probabilities[0, UPSIDE_DOWN] > threshold)


def turn(crop: ImageArray) -> ImageArray:
    """The crop turned by 180 degrees."""
    return np.ascontiguousarray(crop[::-1, ::-1])
