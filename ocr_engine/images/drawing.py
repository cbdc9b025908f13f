"""The boxes of a page drawn over its image. Runs in the worker, which has the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ocr_engine.geometry import Quad
from ocr_engine.images.decode import ImageArray
from ocr_engine.result import Page

MAX_DRAWN_PIXELS = 4_000_000
COLOURS = (  # blue, red, green, violet, brown; as (B, G, R)
    (180, 119, 31),
    (40, 39, 214),
    (44, 140, 44),
    (189, 103, 148),
    (10, 100, 190),
)

_FONT = cv2.FONT_HERSHEY_SIMPLEX  # drawn by OpenCV itself: no font of the machine is needed
_DIGIT_HEIGHT = 22  # pixels of that font at a scale of 1
_SHIFT = 4  # bits of a pixel's fraction in OpenCV's coordinates
_PNG_LEVEL = 3

Colour = tuple[int, int, int]


def draw_page(pixels: ImageArray, page: Page) -> bytes:
    """A PNG of the image, (H, W, 3) uint8 in BGR order, with each line's box and number.

    Words and characters have thin boxes. Reduced where it has more than MAX_DRAWN_PIXELS.
    """
    canvas = draw_lines(_reduced(pixels), page)
    encoded, png = cv2.imencode(".png", canvas, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    if not encoded:
        raise ValueError("OpenCV cannot write the drawing as PNG")
    return bytes(png)


def draw_lines(canvas: ImageArray, page: Page) -> ImageArray:
    """Draw on the canvas, which may be of another size than the page; gives it back."""
    height, width = canvas.shape[:2]
    scale = (width / max(page.width, 1), height / max(page.height, 1))
    thick = max(1, round(min(max(height, width) / 500, min(height, width) / 100)))
    for number, line in enumerate(page.lines):
        colour = COLOURS[number % len(COLOURS)]
        for part in line.parts:
            _outline(canvas, _scaled(part.box, scale), colour, 1)
        _outline(canvas, _scaled(line.box, scale), colour, thick)
    for number, line in enumerate(page.lines):  # over all boxes
        _label(canvas, _scaled(line.box, scale), number + 1, COLOURS[number % len(COLOURS)])
    return canvas


def _reduced(pixels: ImageArray) -> ImageArray:
    """A copy of at most MAX_DRAWN_PIXELS."""
    height, width = pixels.shape[:2]
    ratio = math.sqrt(MAX_DRAWN_PIXELS / (height * width))
    size = max(1, int(width * min(ratio, 1))), max(1, int(height * min(ratio, 1)))
    reduced: ImageArray = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return reduced


def _scaled(box: Quad, scale: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * scale[0], y * scale[1]) for x, y in box]


def _outline(
    canvas: ImageArray, corners: Sequence[tuple[float, float]], colour: Colour, thick: int
) -> None:
    points = np.rint(np.array(corners) * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(canvas, [points], True, colour, thick, cv2.LINE_AA, _SHIFT)


def _label(
    canvas: ImageArray, corners: Sequence[tuple[float, float]], number: int, colour: Colour
) -> None:
    """The line's number in white on its colour, beside its first corner."""
    line_height = min(math.dist(corners[0], corners[1]), math.dist(corners[0], corners[3]))
    digits = min(max(line_height * 0.35, 7.0), 20.0)
    scale, thick = digits / _DIGIT_HEIGHT, 1 if digits < 17 else 2
    (width, height), _ = cv2.getTextSize(str(number), _FONT, scale, thick)
    margin = 2
    right = min(max(round(corners[0][0]), width + 2 * margin), canvas.shape[1])
    bottom = min(max(round(corners[0][1]) + height // 2, height + 2 * margin), canvas.shape[0])
    left, top = right - width - 2 * margin, bottom - height - 2 * margin
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, cv2.FILLED)
    at = (left + margin, bottom - margin - 1)
    cv2.putText(canvas, str(number), at, _FONT, scale, (255, 255, 255), thick, cv2.LINE_AA)
