"""The size in which an image is sent to a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

MAX_PIXELS = 4_000_000  # an A4 page at 200 dots per inch


@dataclass(frozen=True, slots=True)
class Target:
    """What a model takes.

    max_pixels, min_pixels: the image is reduced or enlarged until it has so many. multiple: both
    sides are multiples of it. exact: width and height, whatever the shape of the image.
    doubled_below: an image whose sides are both shorter is first made twice as large. least_side:
    a shorter side is enlarged to that. widest: one side is at most so many times the other; white
    is added. media: as what it is encoded.
    """

    max_pixels: int = MAX_PIXELS
    min_pixels: int = 1
    multiple: int = 1
    exact: tuple[int, int] | None = None
    doubled_below: int = 0
    least_side: int = 1
    widest: int = 0
    media: Literal["jpeg", "png"] = "jpeg"


def padded_size(width: int, height: int, target: Target) -> tuple[int, int]:
    """The size with the white that is added to a very wide or high image."""
    if not target.widest:
        return width, height
    return max(width, -(-height // target.widest)), max(height, -(-width // target.widest))


def fitted_size(width: int, height: int, target: Target) -> tuple[int, int]:
    """The size in which an image of this size is sent.

    With a multiple, models that resize images to such sizes themselves leave it as it is.
    """
    if target.exact is not None:
        return target.exact
    step = target.multiple
    if target.doubled_below and max(width, height) < target.doubled_below:
        width, height = 2 * width, 2 * height
    if min(width, height) < target.least_side:
        ratio = target.least_side / min(width, height)
        width, height = math.ceil(width * ratio), math.ceil(height * ratio)
    wide, high = _nearest(width, step), _nearest(height, step)
    if wide * high > target.max_pixels:
        ratio = math.sqrt(target.max_pixels / (width * height))
        return _below(width * ratio, step), _below(height * ratio, step)
    if wide * high < target.min_pixels:
        ratio = math.sqrt(target.min_pixels / (width * height))
        return _above(width * ratio, step), _above(height * ratio, step)
    return wide, high


def _nearest(side: float, step: int) -> int:
    return max(step, round(side / step) * step)


def _below(side: float, step: int) -> int:
    return max(step, math.floor(side / step) * step)


def _above(side: float, step: int) -> int:
    return max(step, math.ceil(side / step) * step)
