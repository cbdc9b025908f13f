"""Crops of text lines as models see them; shared by classification and recognition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.contrast import with_contrast

CropShape = tuple[int, int]  # height, width

PADDING = 127  # PaddleOCR pads with zero on a scale of -1 to 1, which is 127.5


class Crops:
    """Crops (height, width, 3) uint8 by number, each created when it is first used.

    So concurrent infer requests also cut out their lines concurrently.
    shapes: those of all crops, known in advance.
    """

    def __init__(self, shapes: Sequence[CropShape], make: Callable[[int], ImageArray]) -> None:
        self.shapes = shapes
        self._make = make
        self._made: list[ImageArray | None] = [None] * len(shapes)

    def __getitem__(self, number: int) -> ImageArray:
        """The crop with this number."""
        crop = self._made[number]
        if crop is None:
            crop = self._made[number] = self._make(number)
        return crop

    def subset(
        self, numbers: Sequence[int], change: Callable[[ImageArray], ImageArray] | None = None
    ) -> Crops:
        """The crops with these numbers; `change` may change pixels, but not shapes."""

        def make(place: int) -> ImageArray:
            crop = self[numbers[place]]
            return crop if change is None else change(crop)

        return Crops([self.shapes[number] for number in numbers], make)


def padded_crop(crop: ImageArray, height: int, width: int, padded_width: int) -> ImageArray:
    """Resize (H, W, 3) uint8 to height x width, and pad it on the right with medium grey.

    Bilinear, as in PaddleOCR, but bicubic if small print is enlarged; a crop of low contrast is
    stretched to the whole range. Returns (1, height, padded_width, 3) uint8.
    """
    interpolation = cv2.INTER_CUBIC if height > crop.shape[0] else cv2.INTER_LINEAR
    padded = np.full((1, height, padded_width, 3), PADDING, dtype=np.uint8)
    crop = with_contrast(crop)
    padded[0, :, :width] = cv2.resize(crop, (width, height), interpolation=interpolation)
    return padded


def stretched_crop(crop: ImageArray, height: int, width: int) -> ImageArray:
    """Resize (H, W, 3) uint8 in BGR order to height x width, ignoring its ratio.

    Returns (1, height, width, 3) uint8 in RGB order.
    """
    resized = cv2.resize(crop, (width, height))
    return np.ascontiguousarray(resized[None, ..., ::-1], dtype=np.uint8)


def in_gray(pixels: ImageArray) -> ImageArray:
    """(1, H, W, 3) uint8 in BGR order as (1, H, W, 1) uint8."""
    gray = cv2.cvtColor(pixels[0], cv2.COLOR_BGR2GRAY)
    return np.asarray(gray[None, ..., None], dtype=np.uint8)
