"""The document of an image, from the lines that were read on its upright page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocr_engine.images.decode import DecodedImage
from ocr_engine.layout.page import lay_out
from ocr_engine.layout.rules import Rule, find_rules
from ocr_engine.moved_boxes import rotated_lines
from ocr_engine.result import Document, Line, Page
from ocr_engine.stages import page_angle
from ocr_engine.stages.reading_order import page_skew

LEAST_LINES = 4  # on a page on which tables are looked for


def image_layout(image: DecodedImage, found: Sequence[Line], angle: int) -> Document:
    """The document of an image; its lines, in raster order, are those of the page at this angle.

    angle: see Page.
    """
    height, width = image.pixels.shape[:2]
    across, down = (height, width) if angle in (90, 270) else (width, height)
    corners = np.array([line.box for line in found], dtype=np.float64)
    skew = page_skew(corners) if found else 0.0
    rules: tuple[Rule, ...] = ()
    if len(found) >= LEAST_LINES:
        rules = find_rules(page_angle.rotate(image.pixels, angle), skew)
    lines = rotated_lines(found, -angle % 360, across, down)
    blocks, raster = lay_out(lines, corners, skew, down, rules)
    return Document((Page(width, height, blocks, angle=angle, raster=raster),), image.frames)
