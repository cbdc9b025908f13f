"""Writes one PDF: the pages of a source with an invisible text over each that was recognized."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path
from typing import BinaryIO

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from ocr_engine.documents.kinds import START_BYTES, kind_of
from ocr_engine.errors import DocumentBroken
from ocr_engine.result import Page
from server.formats.pdf.characters import Characters
from server.formats.pdf.existing_text import InvisibleText, content_streams
from server.formats.pdf.font import FONT_NAME, LayerFont
from server.formats.pdf.image_pages import ImagePages
from server.formats.pdf.order import PdfMode, RecognizedPage
from server.formats.pdf.page_place import place_of
from server.formats.pdf.pdfa import save_as_pdfa
from server.formats.pdf.source_pdf import open_source
from server.formats.pdf.text_layer import Strings, layer_content
from server.formats.pdf.text_lines import drawn_lines, upright_size
from server.formats.stored import decode_result
from server.version import VERSION

_LEVEL = 6  # of compression
CONVERTED = "converted: four colours to three"


class Writer:
    """One PDF while it is written; open() comes first, then add() for each page, then save()."""

    def __init__(self, mode: PdfMode) -> None:
        self._mode = mode
        self._characters = Characters()

    def open(self, source: Path | bytes) -> None:
        """Open the source; DocumentError, PdfSigned or InvalidImage if that is not possible."""
        self._images: ImagePages | None = None
        if isinstance(source, Path) and kind_of(_start_of(source)) == "pdf":
            self._pdf = open_source(source)
        else:
            self._pdf = Pdf.new()
            self._pdf.docinfo["/Creator"] = f"concurrent-ocr-server {VERSION}"
            self._images = ImagePages(self._pdf, source, rgb=self._mode.pdfa)
        self._font = LayerFont(self._pdf, self._characters)
        self._invisible = InvisibleText(self._pdf)

    def add(self, recognized: RecognizedPage) -> None:
        """Lay the text of a page over it, if it has one; a page of an image is added first."""
        mode, result = self._mode, recognized.result
        try:
            if result is None:
                self._add_without_text(recognized.number)
            else:
                (page,) = decode_result(result, mode.drop_score, mode.order).pages
                self._add(recognized.number, page)
        except pikepdf.PdfError as error:
            message = f"page {recognized.number} of the PDF is broken: {error}"
            raise DocumentBroken(message) from None

    def save(self, target: Path | BinaryIO) -> tuple[str, ...]:
        """Write the file; returns what PDF/A could not have, or PdfaImpossible."""
        self._font.finish()
        converted = self._images is not None and self._images.converted
        if self._mode.pdfa:
            return (*([CONVERTED] if converted else []), *save_as_pdfa(self._pdf, target))
        self._pdf.save(
            target,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            deterministic_id=True,
        )
        return ()

    def _add(self, number: int, page: Page) -> None:
        obj = self._images.add(number) if self._images is not None else self._page(number)
        if self._mode.replace_text and self._images is None:
            self._invisible.remove(obj)
        name = self._font_name(obj)
        place = place_of(obj)
        matrix = place.matrix(page.angle, *upright_size(page))
        lines = drawn_lines(page, self._characters)
        order: Strings = "touching" if place.turn(page.angle) in (90, 270) else "apart"
        if page.angle == 180:
            order = "joined"
        content = layer_content(lines, matrix, name, self._characters, order)
        if content:
            layer = self._pdf.make_stream(zlib.compress(content, _LEVEL), Filter=Name.FlateDecode)
            # In front of the page's own content, which may leave the graphics state changed.
            obj["/Contents"] = Array([layer, *content_streams(obj)])

    def _add_without_text(self, number: int) -> None:
        """Add a page of an image, or leave it out if it cannot be decoded."""
        if self._images is not None:
            with contextlib.suppress(Exception):  # libraries raise almost anything
                self._images.add(number)

    def _page(self, number: int) -> Dictionary:
        pages = self._pdf.pages
        if not 1 <= number <= len(pages):
            raise DocumentBroken(f"the PDF has no page {number}")
        found: Dictionary = pages[number - 1].obj
        return found

    def _font_name(self, page: Dictionary) -> str:
        """The name of the font in the page's resources, where it is added if it is not there.

        Resources may be shared by several pages.
        """
        fonts = _dictionary_in(_dictionary_in(page, "/Resources"), "/Font")
        name, number = f"/{FONT_NAME}", 0
        while name in fonts and fonts[name].objgen != self._font.reference.objgen:
            number += 1
            name = f"/{FONT_NAME}{number}"
        fonts[name] = self._font.reference
        return name


def _dictionary_in(parent: Dictionary, key: str) -> Dictionary:
    """The dictionary under this key; a new one replaces what is none."""
    found = parent.get(key)
    if isinstance(found, Dictionary):
        return found
    parent[key] = made = Dictionary()
    return made


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(START_BYTES)
