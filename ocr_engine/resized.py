"""Moves a result from one size of its image to another."""

from __future__ import annotations

from dataclasses import replace

from ocr_engine.geometry import Quad
from ocr_engine.result import Block, Document, Glyph, Line, Page, Word


def resized(document: Document, width: int, height: int) -> Document:
    """The document of one page, with its boxes in an image of this size in pixels."""
    return replace(
        document, pages=tuple(_Resizing(page, width, height).page() for page in document.pages)
    )


class _Resizing:
    """Moves one page to a new size."""

    def __init__(self, page: Page, width: int, height: int) -> None:
        self._page = page
        self._width = width
        self._height = height

    def page(self) -> Page:
        """The page with the new size."""
        blocks = tuple(Block(tuple(map(self._line, block.lines))) for block in self._page.blocks)
        return replace(self._page, width=self._width, height=self._height, blocks=blocks)

    def _line(self, line: Line) -> Line:
        words = None if line.words is None else tuple(map(self._word, line.words))
        glyphs = None if line.glyphs is None else tuple(map(self._glyph, line.glyphs))
        return replace(line, box=self._box(line.box), words=words, glyphs=glyphs)

    def _word(self, word: Word) -> Word:
        return replace(word, box=self._box(word.box), glyphs=tuple(map(self._glyph, word.glyphs)))

    def _glyph(self, glyph: Glyph) -> Glyph:
        return replace(glyph, box=self._box(glyph.box))

    def _box(self, box: Quad) -> Quad:
        a, b, c, d = box
        return self._point(*a), self._point(*b), self._point(*c), self._point(*d)

    def _point(self, x: int, y: int) -> tuple[int, int]:
        page = self._page
        return round(x * self._width / page.width), round(y * self._height / page.height)
