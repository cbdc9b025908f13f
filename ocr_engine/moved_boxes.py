"""Moves the boxes of a result, as when its image is resized, rotated or straightened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ocr_engine.geometry import Quad, rotated
from ocr_engine.result import Document, Glyph, Line, Word

Move = Callable[[Quad], Quad]


def moved_line(line: Line, move: Move) -> Line:
    """The line with its own box moved, and those of its words and glyphs."""
    words = line.words and tuple(_moved_word(word, move) for word in line.words)
    glyphs = line.glyphs and _moved_glyphs(line.glyphs, move)
    return replace(line, box=move(line.box), words=words, glyphs=glyphs)


def rotated_lines(lines: Sequence[Line], angle: int, width: int, height: int) -> list[Line]:
    """The lines after a page of this size was rotated clockwise by 0, 90, 180 or 270 degrees."""
    if not angle:
        return list(lines)
    return [moved_line(line, lambda box: rotated(box, angle, width, height)) for line in lines]


def resized(document: Document, width: int, height: int) -> Document:
    """The document of one page, with its boxes scaled to an image of this size in pixels."""
    (page,) = document.pages

    def point(x: int, y: int) -> tuple[int, int]:
        return round(x * width / page.width), round(y * height / page.height)

    def move(box: Quad) -> Quad:
        a, b, c, d = box
        return point(*a), point(*b), point(*c), point(*d)

    return moved(document, move, width, height)


def moved(document: Document, move: Move, width: int, height: int) -> Document:
    """The document of one page of this size in pixels, with its boxes moved."""
    (page,) = document.pages
    blocks = tuple(
        replace(block, lines=tuple(moved_line(line, move) for line in block.lines))
        for block in page.blocks
    )
    return replace(document, pages=(replace(page, width=width, height=height, blocks=blocks),))


def _moved_word(word: Word, move: Move) -> Word:
    return replace(word, box=move(word.box), glyphs=_moved_glyphs(word.glyphs, move))


def _moved_glyphs(glyphs: tuple[Glyph, ...], move: Move) -> tuple[Glyph, ...]:
    return tuple(replace(glyph, box=move(glyph.box)) for glyph in glyphs)
