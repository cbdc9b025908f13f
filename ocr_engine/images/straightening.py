"""Straightens a skewed image, and moves boxes back to where they are on the skewed one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.geometry import Point, Quad
from ocr_engine.images.decode import DecodedImage, ImageArray

LEAST_DEGREES = 0.3  # a page that is less skewed is read as it is
WARP_SIDE = 32_766  # the longest side that OpenCV can warp
MAX_GROWTH = 2.0  # of the number of pixels; a narrow strip would grow to many times its size


class Straightened(NamedTuple):
    """A straightened image; back: the affine map (2, 3) from its pixels to those before."""

    image: DecodedImage
    back: FloatArray

    def box_before(self, box: Quad) -> Quad:
        """Where a box is on the image before it was straightened."""
        first, second, third, fourth = (self._point_before(corner) for corner in box)
        return first, second, third, fourth

    def _point_before(self, point: Point) -> Point:
        x, y = self.back @ np.array((*point, 1.0))
        return round(float(x)), round(float(y))


def straighten(image: DecodedImage, skew: float, max_pixels: int) -> Straightened | None:
    """The image rotated by its skew in radians, with room for its corners.

    None if it is straight, or would become too large. skew: of its lines; positive if they run down
    to the right.
    """
    height, width = image.pixels.shape[:2]
    sine, cosine = abs(math.sin(skew)), math.cos(skew)
    new_width = math.ceil(width * cosine + height * sine)
    new_height = math.ceil(width * sine + height * cosine)
    most = min(max_pixels, MAX_GROWTH * width * height)
    is_too_large = new_width * new_height > most or max(new_width, new_height) > WARP_SIDE
    if abs(skew) < math.radians(LEAST_DEGREES) or is_too_large:
        return None
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), math.degrees(skew), 1.0))
    middle = np.array([(0, 0, new_width - width), (0, 0, new_height - height)]) / 2
    turn = turn + middle
    pixels = cv2.warpAffine(
        image.pixels,
        turn,
        (new_width, new_height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_edge_colour(image.pixels),
    ).astype(np.uint8, copy=False)
    back = cv2.invertAffineTransform(turn).astype(np.float32)
    return Straightened(replace(image, pixels=pixels), back)


def _edge_colour(pixels: ImageArray) -> tuple[float, float, float]:
    """The median colour along the edges of the image."""
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    blue, green, red = np.median(np.concatenate(edges), axis=0)
    return float(blue), float(green), float(red)
