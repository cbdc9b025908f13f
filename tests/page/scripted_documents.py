"""PDFs and TIFFs whose pages are scripted images; see scripted.py."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pikepdf
from PIL import Image

from tests.support.pdfs import PdfPage, PdfWriter, image_page, pdf_of


def scripted_page(writer: PdfWriter, image: bytes) -> PdfPage:
    """A page that the image fills, one point for each pixel."""
    with Image.open(io.BytesIO(image)) as opened:
        size, pixels = opened.size, opened.convert("L").tobytes()
    number = writer.stream(
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        % size,
        pixels,
        compress=True,
    )
    return image_page(number, size)


def scripted_pdf(images: Sequence[bytes]) -> bytes:
    """A document with a page for each image."""
    writer = PdfWriter()
    return pdf_of([scripted_page(writer, image) for image in images], writer)


def scripted_tiff(images: Sequence[bytes]) -> bytes:
    """A TIFF with a page for each image."""
    pages = [Image.open(io.BytesIO(image)) for image in images]
    written = io.BytesIO()
    pages[0].save(written, "TIFF", save_all=True, append_images=pages[1:])
    return written.getvalue()


def encrypted(pdf: bytes, password: str) -> bytes:
    """The same document, which only this password opens."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(written, encryption=pikepdf.Encryption(owner="owner", user=password))
    return written.getvalue()
