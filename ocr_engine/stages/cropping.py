"""From a box on the picture to an upright strip with one line of text."""

from __future__ import annotations

import cv2
import numpy as np

from ocr_engine.images import ImageArray
from ocr_engine.stages.detection import QuadArray, min_area_quad

VERTICAL_RATIO = 1.5
WHOLE_PIXEL_TOLERANCE = 1e-3  # a level box of 20 pixels may measure 19.99999


def crop_line(pixels: ImageArray, box: QuadArray) -> ImageArray | None:
    """Cut the box (4, 2) out of (H, W, 3) uint8 and straighten it (bicubic, edges repeated).

    A strip at least VERTICAL_RATIO times as high as wide is turned by 90 degrees counter-
    clockwise, as PaddleOCR does. None for a box without area.
    """
    corners, _ = min_area_quad(box.astype(np.int32))
    width = int(max(_distance(corners, 0, 1), _distance(corners, 2, 3)) + WHOLE_PIXEL_TOLERANCE)
    height = int(max(_distance(corners, 0, 3), _distance(corners, 1, 2)) + WHOLE_PIXEL_TOLERANCE)
    if width < 1 or height < 1:
        return None
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    strip = cv2.warpPerspective(
        pixels,
        cv2.getPerspectiveTransform(corners, target),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8, copy=False)
    if height / width >= VERTICAL_RATIO:
        strip = np.ascontiguousarray(np.rot90(strip))
    return strip


def _distance(corners: np.ndarray[tuple[int, ...], np.dtype[np.float32]], a: int, b: int) -> float:
    return float(np.linalg.norm(corners[a] - corners[b]))
