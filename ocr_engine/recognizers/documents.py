"""The document of an image, from the lines that were read on its upright page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr_engine.images.decode import DecodedImage
from ocr_engine.layout.page import lay_out
from ocr_engine.layout.rules import find_rules
from ocr_engine.moved_boxes import rotated_lines
from ocr_engine.result import Document, Line, Page
from ocr_engine.stages import page_angle
from ocr_engine.stages.reading_order import page_skew

LEAST_LINES = 4  # on a page on which tables are looked for


def image_layout(image: DecodedImage, found: Sequence[Line], angle: int) -> Document:
    """The document of an image; its lines, in raster order, are those of the page at this angle.

    angle: see Page.
    """
    pixels = page_angle.rotate(image.pixels, angle)
    height, width = pixels.shape[:2]
    boxes = [line.box for line in found]
    skew = page_skew(np.array(boxes, dtype=np.float64)) if boxes else 0.0
    rules = find_rules(pixels, skew) if len(found) >= LEAST_LINES else ()
    lines = rotated_lines(found, -angle % 360, width, height)
    blocks, raster = lay_out(lines, boxes, width, height, rules)
    height, width = image.pixels.shape[:2]
    return Document((Page(width, height, blocks, angle=angle, raster=raster),), image.frames)
