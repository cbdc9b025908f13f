"""From a box on the picture to an upright strip with one line of text."""

from __future__ import annotations

import cv2
import numpy as np

from ocr_engine.images import ImageArray
from ocr_engine.stages.detection import QuadArray, min_area_quad

VERTICAL_RATIO = 1.5
WARP_SIDE = 32_766  # OpenCV warps from and to no more than this
MARGIN = 4  # pixels round a box that bicubic interpolation may look at


def crop_line(pixels: ImageArray, box: QuadArray) -> ImageArray | None:
    """Cut the box (4, 2) out of (H, W, 3) uint8 and straighten it (bicubic, edges repeated).

    A strip at least VERTICAL_RATIO times as high as wide is turned by 90 degrees counter-
    clockwise, as PaddleOCR does. None for a box without area.
    """
    corners, _ = min_area_quad(box.astype(np.float32))
    width = round(max(_distance(corners, 0, 1), _distance(corners, 2, 3)))
    height = round(max(_distance(corners, 0, 3), _distance(corners, 1, 2)))
    if width < 1 or height < 1:
        return None
    if max(pixels.shape[:2]) > WARP_SIDE:
        pixels, corners = _surroundings(pixels, corners)
    shrink = min(1.0, WARP_SIDE / max(width, height, *pixels.shape[:2]))
    if shrink < 1:
        pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink).astype(np.uint8, copy=False)
        corners = (corners * shrink).astype(np.float32)
        width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
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


def _surroundings(
    pixels: ImageArray, corners: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> tuple[ImageArray, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """The part of a very long picture that the corners lie in, and the corners in that part."""
    limits = np.array(pixels.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - MARGIN, 0, limits - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + MARGIN, low + 1, limits)
    part = np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]])
    return part, (corners - low).astype(np.float32)


def _distance(corners: np.ndarray[tuple[int, ...], np.dtype[np.float32]], a: int, b: int) -> float:
    return float(np.linalg.norm(corners[a] - corners[b]))
