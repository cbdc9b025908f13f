"""Scans that are more than one image: rotated, or with some marks on them. Runs in a renderer."""

from __future__ import annotations

import math
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ocr_engine.documents.full_page_image import MOST_OBJECTS, UNEVEN, is_invisible_text

LEAST_SHARE = 0.8  # of the page that one image covers
MOST_MARKS = 20  # stamps, page numbers, rules: more may be a page of text over an image
LEAST_DPI = 149.0  # small print among the marks can be read; 150, but pages are whole points
ROUNDING = 1e-9  # of a resolution


def scan_dpi(page: Any) -> float | None:
    """The resolution at which a scan is drawn, since more would show nothing new.

    It is that of its finest image, at least LEAST_DPI. None for other pages, and for odd ones.
    """
    try:
        return _scan_dpi(page)
    except pdfium.PdfiumError:
        return None


def _scan_dpi(page: Any) -> float | None:
    count = pdfium_c.FPDFPage_CountObjects(page)
    marks = pdfium_c.FPDFPage_GetAnnotCount(page)
    if not 0 < count <= MOST_OBJECTS or marks > MOST_MARKS:
        return None
    edges = left, bottom, right, top = page.get_bbox()
    finest, largest = 0.0, 0.0
    for item in page.get_objects(max_depth=1):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            largest = max(largest, _extent(item, edges))
            finest = max(finest, _dpi(item))
        elif not is_invisible_text(item):
            marks += 1
            if marks > MOST_MARKS or item.type == pdfium_c.FPDF_PAGEOBJ_FORM:
                return None
    is_scan = largest >= LEAST_SHARE * (right - left) * (top - bottom) > 0
    return max(finest, LEAST_DPI) if is_scan else None


def _extent(image: Any, edges: tuple[float, float, float, float]) -> float:
    """The area of the visible part of an image."""
    left, bottom, right, top = edges
    a, b, c, d = map(float, image.get_bounds())
    return max(0.0, min(c, right) - max(a, left)) * max(0.0, min(d, top) - max(b, bottom))


def _dpi(image: Any) -> float:
    """The resolution of an image on the page; infinite if it has no size there.

    If they are about the same in both directions, it is the smaller one: sides are rounded up, so
    the page has as many pixels as the image, which PDFium then need not scale.
    """
    a, b, c, d, _, _ = image.get_matrix().get()
    width, height = map(float, image.get_px_size())
    sides = math.hypot(a, b), math.hypot(c, d)
    if not all(sides):
        return math.inf
    less, more = sorted((width / sides[0], height / sides[1]))
    return 72 * (less * (1 - ROUNDING) if more - less <= UNEVEN * more else more)
