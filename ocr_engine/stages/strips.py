"""Strips of text to tensors: what classification and recognition have in common."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ocr_engine.images import ImageArray
from ocr_engine.stages.detection import FloatArray


def strip_tensor(strip: ImageArray, height: int, width: int, padded_width: int) -> FloatArray:
    """Resize (H, W, 3) uint8 to height x width, scale to -1..1 and pad with 0 on the right.

    Bilinear, as PaddleOCR does, but bicubic where small print gets larger. Gives (1, 3, height,
    padded_width) float32.
    """
    way = cv2.INTER_CUBIC if height > strip.shape[0] else cv2.INTER_LINEAR
    resized = cv2.resize(strip, (width, height), interpolation=way)
    tensor = np.zeros((1, 3, height, padded_width), dtype=np.float32)
    for channel, plane in enumerate(cv2.split(resized)):
        scaled = tensor[0, channel, :, :width]
        np.multiply(plane, np.float32(1 / 127.5), out=scaled)
        np.subtract(scaled, np.float32(1), out=scaled)
    return tensor


def stretched_tensor(
    strip: ImageArray, height: int, width: int, mean: Sequence[float], std: Sequence[float]
) -> FloatArray:
    """Resize (H, W, 3) uint8 to height x width whatever its ratio, and normalise.

    mean and std are per channel in BGR order on a scale of 0 to 1; the model takes RGB. Gives
    (1, 3, height, width) float32.
    """
    scaled = cv2.resize(strip, (width, height)).astype(np.float32) / 255
    normal = (scaled - np.array(mean, dtype=np.float32)) / np.array(std, dtype=np.float32)
    rgb = normal[:, :, ::-1].transpose(2, 0, 1)[None]
    return np.ascontiguousarray(rgb, dtype=np.float32)
