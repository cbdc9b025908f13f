"""Draws pages of a PDF, with PDFium. Runs in a renderer."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ocr_engine.documents.full_page_image import FullPageImage, full_page_image
from ocr_engine.documents.marked_scan import scan_dpi
from ocr_engine.documents.messages import PageImage, PageText, ReadPage
from ocr_engine.errors import DocumentBroken, DocumentEncrypted, PageFailed
from ocr_engine.images.header import MAX_SIDE
from ocr_engine.images.pixels import Pixels, new_pixels
from ocr_engine.memory import rss_mb

POINTS_PER_INCH = 72
MOST_EMBEDDED = 2.0  # times the resolution asked for; a finer JPEG is drawn


class PdfPages:
    """An open PDF; see OpenDocument."""

    def __init__(self, descriptor: int, password: str) -> None:
        self._pdf = pdfium.PdfDocument(_load(descriptor, password))
        self._pdf.init_forms()
        self._trusted: dict[tuple[object, ...], bool] = {}  # kinds of embedded JPEGs

    @property
    def pages(self) -> int:
        """See OpenDocument."""
        return len(self._pdf)

    def read(self, asked: ReadPage) -> PageImage | PageText:
        """See OpenDocument."""
        try:
            page = self._pdf[asked.page - 1]
        except pdfium.PdfiumError:
            raise PageFailed(f"page {asked.page} is broken") from None
        try:
            return self._read(page, asked)
        finally:
            page.close()

    def close(self) -> None:
        """See OpenDocument."""
        self._pdf.close()

    def _read(self, page: Any, asked: ReadPage) -> PageImage | PageText:
        scale = _scale(page, asked.dpi, asked)
        if asked.text_layer != "ocr":
            from ocr_engine.documents.text_layer import text_of_page  # with NumPy and OpenCV

            size = _size(page, scale)
            text = text_of_page(page, size, asked.granularity, asked.text_layer == "only")
            if text is not None:
                return PageText(text, _dpi(scale), rss_mb())
        whole = full_page_image(page)
        if whole is None:
            enough = scan_dpi(page)
            if enough is not None:
                scale = min(scale, _scale(page, enough, asked))
            return self._drawn(page, scale)
        jpeg = self._embedded(page, whole, asked)
        if jpeg is not None:
            return PageImage(jpeg, round(whole.dpi, 2), rss_mb())
        return self._drawn(page, min(scale, _scale(page, whole.dpi, asked)))

    def _embedded(self, page: Any, whole: FullPageImage, asked: ReadPage) -> bytes | None:
        """The JPEG that is the page, if it looks as the page does and is not too large.

        PDFium does not say whether a JPEG is shown with its own colours. So the first JPEG of each
        kind in a document is compared with the page as PDFium draws it; the others of that kind are
        treated the same way.
        """
        if whole.dpi > MOST_EMBEDDED * asked.dpi or whole.pixels > asked.max_pixels:
            return None
        jpeg = whole.jpeg()
        if jpeg is None:
            return None
        if jpeg.kind not in self._trusted:
            self._trusted[jpeg.kind] = jpeg.looks_like(page)
        return jpeg.data if self._trusted[jpeg.kind] else None

    def _drawn(self, page: Any, scale: float) -> PageImage:
        made: list[Pixels] = []

        def shared_bitmap(width: int, height: int, **named: Any) -> Any:
            pixels = new_pixels(width, height)
            made.append(pixels)
            buffer = (ctypes.c_ubyte * len(pixels)).from_buffer(pixels.writable())
            return pdfium.PdfBitmap.new_native(width, height, buffer=buffer, **named)

        page.render(
            scale=scale,
            bitmap_maker=shared_bitmap,
            force_bitmap_format=pdfium_c.FPDFBitmap_BGR,
            limit_image_cache=True,
        ).close()
        (pixels,) = made
        return PageImage(pixels, _dpi(scale), rss_mb())


def _load(descriptor: int, password: str) -> Any:
    """PDFium's handle; it opens the file again, so the descriptor may be closed then."""
    path = b"/proc/self/fd/%d" % descriptor
    pdf = pdfium_c.FPDF_LoadDocument(path, password.encode() + b"\0" if password else None)
    if pdf and pdfium_c.FPDF_GetPageCount(pdf) > 0:
        return pdf
    reason = pdfium_c.FPDF_GetLastError()
    if reason == pdfium_c.FPDF_ERR_PASSWORD:
        if password:
            raise DocumentEncrypted("the document is encrypted, and the password is wrong")
        raise DocumentEncrypted(DocumentEncrypted.example)
    if reason == pdfium_c.FPDF_ERR_SECURITY:
        raise DocumentEncrypted("the document is encrypted in a way that cannot be read")
    raise DocumentBroken("the PDF is broken: no pages can be found in it")


def _scale(page: Any, dpi: float, asked: ReadPage) -> float:
    """Pixels per point, so that the page has at most max_pixels, and no side is too long."""
    width, height = page.get_size()
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise PageFailed(f"page {asked.page} has no size")
    scale = dpi / POINTS_PER_INCH
    longest = asked.side or MAX_SIDE
    most = min(longest / max(width, height), math.sqrt(asked.max_pixels / (width * height)))
    if scale > most:
        scale = most
    while math.prod(size := _size(page, scale)) > asked.max_pixels or max(size) > longest:
        scale *= 0.99  # the sides are rounded up
    return scale


def _size(page: Any, scale: float) -> tuple[int, int]:
    """Width and height of the page in pixels, as PdfPage.render() computes them."""
    return math.ceil(page.get_width() * scale), math.ceil(page.get_height() * scale)


def _dpi(scale: float) -> float:
    return round(scale * POINTS_PER_INCH, 2)
