"""Detection of text lines: pre- and post-processing of a DB model.

DB: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020.
Sizes and the order of operations follow PaddleOCR 3.7 (PaddleX's text_detection), so that the same
weights give the same boxes; boxes are rounded to whole pixels only in the result
(docs/decisions/0016).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.options import MAX_DETECTION_SIDE, RecognitionOptions
from ocr_engine.stages.contrast import with_contrast

Float64Array = npt.NDArray[np.float64]
QuadArray = npt.NDArray[np.float32] | npt.NDArray[np.int32]

SIDE_MULTIPLE = 32
MAX_CANDIDATES = 3000
MIN_BOX_SIDE = 3
FULL_SIZE_PIXELS = 300_000  # no image is reduced below this
FAINT = 0.75  # of det_db_box_thresh; boxes above that count if their text reads well
MAX_ENLARGEMENT = 4  # of a side; makes letters of 8 pixels 32 high, and more does not help
ALWAYS_ENLARGED_TO = 64  # with MAX_DETECTION_SIDE this is less than FULL_SIZE_PIXELS
AREA_RATIO = 0.6  # resize by area up to this ratio, averaging the source pixels
# The sides for `auto`; few, as each pair costs 25 ms to compile (decisions/0018).
SMALL_SIDES = (32, 64, 96, 128, 160, 192, 256, 320, 384, 480)
SIDES = (*SMALL_SIDES, 608, 768, 960, 1216, 1536, 1920, 2400, 3008, 3776, MAX_DETECTION_SIDE)


def detection_size(
    height: int, width: int, options: RecognitionOptions, reduction: float = 1.0
) -> tuple[int, int]:
    """The (height, width) of detection's input, in multiples of SIDE_MULTIPLE.

    reduction: the factor by which `auto` reduces the sides of a large image; each side is then
    rounded to the one in SIDES that is nearest by ratio.
    """
    limit = options.det_limit_side_len
    ratio, reduced = 1.0, False
    if options.det_limit_type == "max":
        ratio = min(1.0, limit / max(height, width))
    elif min(height, width) < limit:
        ratio = bounded_limit(height, width, limit) / min(height, width)
    elif options.det_limit_type == "auto":
        reduced = reduction < 1 and height * width * reduction**2 >= FULL_SIZE_PIXELS
        ratio = reduction if reduced else 1.0
    height, width = int(height * ratio), int(width * ratio)
    if max(height, width) > MAX_DETECTION_SIDE:
        ratio = MAX_DETECTION_SIDE / max(height, width)
        height, width = int(height * ratio), int(width * ratio)
    if reduced:
        return _nearest_side(height), _nearest_side(width)
    return _round_side(height), _round_side(width)


def bounded_limit(height: int, width: int, limit: int) -> int:
    """The length to which the short side may be enlarged for detection: limit, or less.

    The enlarged image has at most MAX_ENLARGEMENT squared times its original pixels, or
    FULL_SIZE_PIXELS if that is more, so that an option alone cannot make a small image expensive.
    """
    ratio = max(MAX_ENLARGEMENT, math.sqrt(FULL_SIZE_PIXELS / (height * width)))
    return min(limit, max(ALWAYS_ENLARGED_TO, int(min(height, width) * ratio)))


def reduced_size(height: int, width: int, factor: float) -> tuple[int, int]:
    """The (height, width) of an image whose sides are reduced by a factor, in multiples of 32."""
    return _round_side(int(height * factor)), _round_side(int(width * factor))


def _round_side(side: int) -> int:
    return max(round(side / SIDE_MULTIPLE) * SIDE_MULTIPLE, SIDE_MULTIPLE)


def _nearest_side(side: int) -> int:
    above = bisect_left(SIDES, side, hi=len(SIDES) - 1)
    below = max(above - 1, 0)
    return SIDES[above] if side * side > SIDES[below] * SIDES[above] else SIDES[below]


def pad_tiny(pixels: ImageArray) -> ImageArray:
    """Pad an image whose height + width is below 64 with black, below and to the right.

    Each side becomes at least 32; larger images are returned unchanged.
    """
    height, width = pixels.shape[:2]
    if height + width >= 64:
        return pixels
    bottom, right = max(0, 32 - height), max(0, 32 - width)
    return np.pad(pixels, ((0, bottom), (0, right), (0, 0)))


def preprocess(pixels: ImageArray, size: tuple[int, int]) -> ImageArray:
    """Resize (H, W, 3) uint8 to size; returns (1, height, width, 3) uint8.

    Bilinear, as in PaddleOCR, but by area for strong reduction, which keeps thin strokes. An image
    of low contrast is stretched to the whole range.
    """
    height, width = size
    if pixels.shape[:2] != size:
        smaller = max(height / pixels.shape[0], width / pixels.shape[1]) <= AREA_RATIO
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (width, height), interpolation=interpolation).astype(
            np.uint8, copy=False
        )
    return np.ascontiguousarray(with_contrast(pixels))[None]


class ScoredBox(NamedTuple):
    """A box (4, 2) float32, and the mean probability of text in it before it was enlarged."""

    corners: FloatArray
    score: float

    @property
    def height(self) -> float:
        """The shorter side in pixels."""
        return _short_side(self.corners)


def postprocess(
    probability: FloatArray, image_size: tuple[int, int], options: RecognitionOptions
) -> list[ScoredBox]:
    """Boxes from a DB model's text map (height, width) float32, with faint ones.

    image_size: (height, width) before resizing. Each box is (4, 2) float32 in those pixels,
    clockwise from the top left.
    """
    mask = (probability > options.det_db_thresh).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours[:MAX_CANDIDATES]:
        corners, short_side = min_area_quad(contour)
        if short_side < MIN_BOX_SIDE:
            continue
        score = box_score(probability, corners)
        if score < options.det_db_box_thresh * FAINT:
            continue
        grown = unclip(corners, options.det_db_unclip_ratio)
        if _short_side(grown) < MIN_BOX_SIDE + 2:
            continue
        boxes.append(ScoredBox(_to_image(grown, probability.shape, image_size), score))
    return boxes


def min_area_quad(
    points: npt.NDArray[np.integer[Any] | np.floating[Any]],
) -> tuple[FloatArray, float]:
    """The smallest rotated rectangle around the points: corners (4, 2) and short side.

    The corners run clockwise, starting with the upper one of the two leftmost.
    """
    rectangle = cv2.minAreaRect(points)
    by_x = sorted(np.asarray(cv2.boxPoints(rectangle)).tolist(), key=lambda corner: corner[0])
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left if left[1][1] > left[0][1] else left[::-1]
    top_right, bottom_right = right if right[1][1] > right[0][1] else right[::-1]
    corners = np.array([top_left, top_right, bottom_right, bottom_left], dtype=np.float32)
    return corners, float(min(rectangle[1]))


def box_score(probability: FloatArray, corners: FloatArray) -> float:
    """The mean probability inside the box (the fast score of DB)."""
    height, width = probability.shape
    across, down = corners.T.tolist()
    left, right = _pixel_range(across, width)
    top, bottom = _pixel_range(down, height)
    mask = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
    shifted = (corners - np.array((left, top), dtype=np.float32)).astype(np.int32)
    cv2.fillPoly(mask, [shifted], (1,))
    return cv2.mean(probability[top : bottom + 1, left : right + 1], mask)[0]


def _pixel_range(coordinates: Sequence[float], count: int) -> tuple[int, int]:
    """First and last index of `count` pixels that cover these coordinates."""
    first, last = math.floor(min(coordinates)), math.ceil(max(coordinates))
    return min(max(first, 0), count - 1), min(max(last, 0), count - 1)


def unclip(corners: FloatArray, ratio: float) -> FloatArray:
    """Enlarge the rectangle (4, 2) by area x ratio / perimeter on all sides (DB, eq. 10).

    DB rounds the corners; the smallest rectangle around that outline is the same.
    """
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    width, height = float(np.hypot(*across)), float(np.hypot(*down))
    if width == 0 or height == 0:
        return corners
    distance = width * height * ratio / (2 * (width + height))
    across, down = across * (distance / width), down * (distance / height)
    outward = np.stack((-across - down, across - down, across + down, down - across))
    grown: FloatArray = (corners + outward).astype(np.float32)
    return grown


def _short_side(corners: FloatArray) -> float:
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    return float(min(np.hypot(*across), np.hypot(*down)))


def _to_image(
    corners: FloatArray, map_size: tuple[int, ...], image_size: tuple[int, int]
) -> FloatArray:
    """Convert from the text map's pixels to the image's; coordinates are of pixel centers."""
    limits = np.array(image_size[::-1], dtype=np.float32)
    scale = limits / np.array(map_size[::-1], dtype=np.float32)
    box: FloatArray = np.clip((corners + 0.5) * scale - 0.5, 0, limits).astype(np.float32)
    return box
