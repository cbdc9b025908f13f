"""A page as people look at it: a JPEG of the size that is asked for. Runs in a renderer."""

from __future__ import annotations

import cv2

from ocr_engine.documents.messages import PageImage, ReadPage
from ocr_engine.errors import PageFailed
from ocr_engine.images.decode import decode, reduced, squared
from ocr_engine.memory import rss_mb

QUALITY = 82


def shown_page(page: PageImage, asked: ReadPage) -> PageImage:
    """The page upright, with square pixels; an ImageError if its file is broken."""
    image = squared(decode(page.image, asked.max_pixels, asked.side), asked.max_pixels)
    pixels = reduced(image, asked.side).pixels
    done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise PageFailed(f"page {asked.page} cannot be written as a JPEG")
    return PageImage(jpeg.tobytes(), page.dpi, rss_mb())
