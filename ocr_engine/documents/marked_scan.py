"""Scans that are more than one image: rotated, or with some marks on them. Runs in a renderer."""

from __future__ import annotations

import math
from typing import Any

import pypdfium2.raw as pdfium_c

from ocr_engine.documents.full_page_image import MOST_OBJECTS, is_invisible_text

LEAST_SHARE = 0.8  # of the page that one image covers
MOST_MARKS = 20  # stamps, page numbers, rules: more may be a page of text over a picture
LEAST_DPI = 150.0  # so that small print among the marks can be read


def scan_dpi(page: Any) -> float | None:
    """The resolution at which a scan is drawn, since more would show nothing new.

    It is that of its finest image, at least LEAST_DPI. None for other pages.
    """
    count = pdfium_c.FPDFPage_CountObjects(page)
    marks = pdfium_c.FPDFPage_GetAnnotCount(page)
    if not 0 < count <= MOST_OBJECTS or marks > MOST_MARKS:
        return None
    left, bottom, right, top = page.get_bbox()
    finest, largest = 0.0, 0.0
    for item in page.get_objects(max_depth=1):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            a, b, c, d = item.get_bounds()
            across, down = min(c, right) - max(a, left), min(d, top) - max(b, bottom)
            largest = max(largest, max(0.0, across) * max(0.0, down))
            finest = max(finest, _dpi(item))
        elif not is_invisible_text(item):
            marks += 1
            if marks > MOST_MARKS or item.type == pdfium_c.FPDF_PAGEOBJ_FORM:
                return None
    is_scan = largest >= LEAST_SHARE * (right - left) * (top - bottom) > 0
    return max(finest, LEAST_DPI) if is_scan else None


def _dpi(image: Any) -> float:
    """The larger resolution of an image on the page; infinite if it has no size there."""
    a, b, c, d, _, _ = image.get_matrix().get()
    width, height = image.get_px_size()
    sides = math.hypot(a, b), math.hypot(c, d)
    return 72 * max(width / sides[0], height / sides[1]) if all(sides) else math.inf
