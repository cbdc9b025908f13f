"""Cuts a box out of the image as an upright crop with one line of text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.images.straightening import WARP_SIDE
from ocr_engine.stages.crops import CropShape
from ocr_engine.stages.detection import QuadArray, min_area_quad

VERTICAL_RATIO = 1.5
MARGIN = 4  # pixels around a box that bicubic interpolation may read
STRAIGHT = 1.0  # pixels that a side may deviate from level without being straightened
SMALL_PRINT = 20  # pixels in height; below it a shift by half a pixel harms recognition
LOW_BOX = 18  # pixels in height; the boxes of such lines often cut into their letters
ROOM = 1.5  # pixels that a low box gets above and below
SHARPNESS = -0.75  # of bicubic interpolation, as in OpenCV


@dataclass(frozen=True, slots=True)
class CropRegion:
    """Where a line is cut out: corners (4, 2) float32 (x, y), clockwise from the top left.

    width, height: of the crop in pixels, before rotation if vertical.
    """

    corners: FloatArray
    width: int
    height: int

    @property
    def is_vertical(self) -> bool:
        """Whether the crop is at least 1.5 times as tall as wide.

        Such a crop is then rotated by 90 degrees, as in PaddleOCR.
        """
        return self.height / self.width >= VERTICAL_RATIO

    @property
    def direction(self) -> tuple[float, float]:
        """The direction (x, y) in which the crop is read, in the image; y is down."""
        along = self.corners[3 if self.is_vertical else 1] - self.corners[0]
        return float(along[0]), float(along[1])

    @property
    def crop_shape(self) -> CropShape:
        """The shape of the crop; cut_out() reduces it if OpenCV cannot warp so large an image."""
        return (self.width, self.height) if self.is_vertical else (self.height, self.width)


def crop_region(box: QuadArray) -> CropRegion | None:
    """The region of a box (4, 2), with a margin around small text; None for a box without area."""
    corners, _ = min_area_quad(box.astype(np.float32))
    width = max(_distance(corners, 0, 1), _distance(corners, 2, 3))
    height = max(_distance(corners, 0, 3), _distance(corners, 1, 2))
    if round(width) < 1 or round(height) < 1:
        return None
    if height < LOW_BOX and height < width:
        down = (corners[3] - corners[0]) * (ROOM / height)
        corners = (corners + np.stack((-down, -down, down, down))).astype(np.float32)
        height += 2 * ROOM
    return CropRegion(corners, round(width), round(height))


def whole_image(pixels: ImageArray) -> FloatArray:
    """The box (4, 2) float32 around the whole image (H, W, 3)."""
    height, width = pixels.shape[:2]
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)


def cut_out(pixels: ImageArray, region: CropRegion) -> ImageArray:
    """Cut the line out of (H, W, 3) uint8 and straighten it (bicubic, edges repeated).

    The pixels of a level box are not interpolated, so the crop may be half a pixel off; only small
    print, and crops that extend past the image, are shifted exactly. The crop may be a view of the
    image, not a copy.
    """
    across, down = (region.corners[corner] - region.corners[0] for corner in (1, 3))
    if abs(across[1]) <= STRAIGHT and abs(down[0]) <= STRAIGHT:
        crop = _straight(pixels, region.corners.mean(axis=0), region.width, region.height)
    else:
        crop = _warped(pixels, region.corners, region.width, region.height)
    return np.ascontiguousarray(np.rot90(crop)) if region.is_vertical else crop


def _straight(pixels: ImageArray, middle: FloatArray, width: int, height: int) -> ImageArray:
    """The crop of this size around the middle (x, y), which may lie between pixels."""
    left, top = float(middle[0]) - width / 2, float(middle[1]) - height / 2
    x, y = round(left), round(top)
    inside = 0 <= x <= pixels.shape[1] - width and 0 <= y <= pixels.shape[0] - height
    if inside and min(width, height) >= SMALL_PRINT:
        return pixels[y : y + height, x : x + width]
    return _shifted(pixels, left, top, width, height)


def _shifted(pixels: ImageArray, left: float, top: float, width: int, height: int) -> ImageArray:
    """The crop of this size whose corner lies between pixels, perhaps outside the image."""
    x, y = math.floor(left), math.floor(top)
    rows = np.clip(np.arange(y - 1, y + height + 2), 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(x - 1, x + width + 2), 0, pixels.shape[1] - 1)
    around = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if around.shape[:2] != (len(rows), len(columns)):
        around = pixels[rows[:, None], columns]
    shifted = cv2.sepFilter2D(around, -1, _bicubic(left - x), _bicubic(top - y), anchor=(1, 1))
    return shifted[1 : height + 1, 1 : width + 1].astype(np.uint8, copy=False)


def _bicubic(fraction: float) -> FloatArray:
    """The weights of four adjacent pixels for a position between the second and the third.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE TASSP 1981, (15).
    """
    a = SHARPNESS
    near = [((a + 2) * d - (a + 3)) * d * d + 1 for d in (fraction, 1 - fraction)]
    far = [((a * d - 5 * a) * d + 8 * a) * d - 4 * a for d in (1 + fraction, 2 - fraction)]
    return np.array((far[0], near[0], near[1], far[1]), dtype=np.float32)


def _warped(pixels: ImageArray, corners: FloatArray, width: int, height: int) -> ImageArray:
    """The crop of this size between the corners of a slanted box."""
    if max(pixels.shape[:2]) > WARP_SIDE:
        pixels, corners = _surroundings(pixels, corners)
    shrink = min(1.0, WARP_SIDE / max(width, height, *pixels.shape[:2]))
    if shrink < 1:
        pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink).astype(np.uint8, copy=False)
        corners = (corners * shrink).astype(np.float32)
        width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    return cv2.warpPerspective(
        pixels,
        cv2.getPerspectiveTransform(corners, target),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8, copy=False)


def _surroundings(pixels: ImageArray, corners: FloatArray) -> tuple[ImageArray, FloatArray]:
    """The part of a very long image around the corners, and the corners in that part."""
    limits = np.array(pixels.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - MARGIN, 0, limits - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + MARGIN, low + 1, limits)
    part = np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]])
    return part, (corners - low).astype(np.float32)


def _distance(corners: FloatArray, a: int, b: int) -> float:
    return math.dist(corners[a].tolist(), corners[b].tolist())
