"""Detection: where text is. Pre- and post-processing of a DB model.

DB: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020.
Sizes, rounding and the order of operations follow PaddleOCR 3.7 (PaddleX's text_detection), so
that the same weights give the same boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ocr_engine.images import ImageArray
from ocr_engine.options import RecognitionOptions

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
QuadArray = npt.NDArray[np.int32]

SIDE_MULTIPLE = 32
MAX_SIDE = 4000
MAX_CANDIDATES = 1000
MIN_BOX_SIDE = 3

DEFAULT_MEAN = (0.485, 0.456, 0.406)
DEFAULT_STD = (0.229, 0.224, 0.225)


def detection_size(height: int, width: int, options: RecognitionOptions) -> tuple[int, int]:
    """The (height, width) in which detection sees the picture: multiples of SIDE_MULTIPLE."""
    limit = options.det_limit_side_len
    ratio = 1.0
    if options.det_limit_type == "min" and min(height, width) < limit:
        ratio = limit / min(height, width)
    elif options.det_limit_type == "max" and max(height, width) > limit:
        ratio = limit / max(height, width)
    height, width = int(height * ratio), int(width * ratio)
    if max(height, width) > MAX_SIDE:
        ratio = MAX_SIDE / max(height, width)
        height, width = int(height * ratio), int(width * ratio)
    return _round_side(height), _round_side(width)


def _round_side(side: int) -> int:
    return max(round(side / SIDE_MULTIPLE) * SIDE_MULTIPLE, SIDE_MULTIPLE)


def pad_tiny(pixels: ImageArray) -> ImageArray:
    """A picture of less than 64 pixels in height + width, with black below and to the right.

    Each side gets at least 32; larger pictures stay as they are.
    """
    height, width = pixels.shape[:2]
    if height + width >= 64:
        return pixels
    bottom, right = max(0, 32 - height), max(0, 32 - width)
    return np.pad(pixels, ((0, bottom), (0, right), (0, 0)))


def preprocess(
    pixels: ImageArray,
    size: tuple[int, int],
    mean: Sequence[float] = DEFAULT_MEAN,
    std: Sequence[float] = DEFAULT_STD,
) -> FloatArray:
    """Resize (H, W, 3) uint8 to size and normalise; gives (1, 3, height, width) float32.

    mean and std are per channel, in the channel order of the pixels, on a scale of 0 to 1.
    """
    height, width = size
    if pixels.shape[:2] != size:
        pixels = cv2.resize(pixels, (width, height)).astype(np.uint8, copy=False)
    tensor = np.empty((1, 3, height, width), dtype=np.float32)
    for channel in range(3):
        scale = np.float32(1 / 255 / std[channel])
        plane = np.multiply(pixels[:, :, channel], scale, dtype=np.float32)
        np.add(plane, np.float32(-mean[channel] / std[channel]), out=tensor[0, channel])
    return tensor


def postprocess(
    probability: FloatArray, picture_size: tuple[int, int], options: RecognitionOptions
) -> list[QuadArray]:
    """Boxes from the probability map (height, width) float32 of a DB model.

    picture_size is the (height, width) of what was resized for the model; each box is (4, 2)
    int32 in its pixels, clockwise from the top left.
    """
    mask = (probability > options.det_db_thresh).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours[:MAX_CANDIDATES]:
        corners, short_side = min_area_quad(contour)
        if short_side < MIN_BOX_SIDE:
            continue
        if box_score(probability, corners) < options.det_db_box_thresh:
            continue
        grown, short_side = min_area_quad(unclip(corners, options.det_db_unclip_ratio))
        if short_side < MIN_BOX_SIDE + 2:
            continue
        boxes.append(_to_picture(grown, probability.shape, picture_size))
    return boxes


def min_area_quad(
    points: npt.NDArray[np.integer[Any] | np.floating[Any]],
) -> tuple[FloatArray, float]:
    """The smallest turned rectangle round the points: its corners (4, 2) and its short side.

    The corners run clockwise from the top left: of the two leftmost ones the upper is first.
    """
    rectangle = cv2.minAreaRect(points)
    by_x = sorted(np.asarray(cv2.boxPoints(rectangle)).tolist(), key=lambda corner: corner[0])
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left if left[1][1] > left[0][1] else left[::-1]
    top_right, bottom_right = right if right[1][1] > right[0][1] else right[::-1]
    corners = np.array([top_left, top_right, bottom_right, bottom_left], dtype=np.float32)
    return corners, float(min(rectangle[1]))


def box_score(probability: FloatArray, corners: FloatArray) -> float:
    """The mean probability inside the box (DB's fast score)."""
    height, width = probability.shape
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, (width - 1, height - 1)).astype(int)
    mask = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
    shifted = (corners - np.array((left, top), dtype=np.float32)).astype(np.int32)
    cv2.fillPoly(mask, [shifted], (1,))
    return cv2.mean(probability[top : bottom + 1, left : right + 1], mask)[0]


def unclip(corners: FloatArray, ratio: float) -> FloatArray:
    """Grow the box by area x ratio / perimeter on all sides, with round corners (DB, eq. 10).

    The outline, (n, 2) float32, is that of the Clipper library (Vatti's algorithm, round joins,
    arc tolerance 0.25), which PaddleOCR uses: corners are cut to whole pixels before, and the
    outline is rounded to whole pixels. A convex box needs no more than its edges and arcs.
    """
    distance = cv2.contourArea(corners) * ratio / cv2.arcLength(corners, True)
    points = np.trunc(corners).astype(np.float64)
    edges = np.roll(points, -1, axis=0) - points
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    long = lengths > 0
    if distance <= 0 or not long.any():
        return corners
    points, edges, lengths = points[long], edges[long], lengths[long]
    normals = np.stack((edges[:, 1], -edges[:, 0]), axis=1) / lengths[:, None]
    steps = min(np.pi / np.arccos(1 - min(0.25, 0.25 * distance) / distance), distance * np.pi)
    outline = [
        point + distance * _arc(before, after, steps)
        for point, before, after in zip(points, np.roll(normals, 1, axis=0), normals, strict=True)
    ]
    grown = np.vstack(outline)
    rounded: FloatArray = (np.sign(grown) * np.floor(np.abs(grown) + 0.5)).astype(np.float32)
    return rounded


def _arc(before: Float64Array, after: Float64Array, steps: float) -> Float64Array:
    """Unit vectors (n, 2) from one edge's normal to the next, with `steps` for a whole circle."""
    turn = np.arctan2(before[0] * after[1] - before[1] * after[0], before @ after)
    count = max(int(steps / (2 * np.pi) * abs(turn) + 0.5), 1)
    angles = 2 * np.pi / steps * np.arange(count)
    cos, sin = np.cos(angles), np.sin(angles)
    x, y = before
    return np.vstack((np.stack((x * cos - y * sin, x * sin + y * cos), axis=1), after))


def _to_picture(
    corners: FloatArray, map_size: tuple[int, ...], picture_size: tuple[int, int]
) -> QuadArray:
    scale = np.array((picture_size[1] / map_size[1], picture_size[0] / map_size[0]))
    limits = np.array((picture_size[1], picture_size[0]))
    box: QuadArray = np.clip(np.rint(corners * scale), 0, limits).astype(np.int32)
    return box
