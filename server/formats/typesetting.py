"""Typesetting of text: words, spaces, size, baseline and direction of lines.

For formats with text positions. Boxes are in pixels of the upright page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from ocr_engine.geometry import LevelBox, Quad, around, is_vertical, level_box, line_height
from ocr_engine.result import Block, Glyph, Line, Page, Word
from ocr_engine.stages.words import words_of

TEXT_HEIGHT = 0.8  # relative to a line's box, which unclip has enlarged
BASELINE_HEIGHT = 0.25  # of the baseline above the bottom of a line's box, relative to the box
DESCENDERS = ASCENDERS = 0.2  # relative to the text's height


class TypesetWord(NamedTuple):
    """A word with its level box; spaced: a space precedes it."""

    word: Word
    box: LevelBox
    spaced: bool


class Baseline(NamedTuple):
    """The baseline of a line, as hOCR defines it.

    slope: pixels down per pixel to the right. offset: pixels down from the bottom left corner of
    the line's level box to the left end of the baseline; mostly negative.
    """

    slope: float
    offset: int


@dataclass(frozen=True, slots=True)
class TypesetLine:
    """A line of at least one word, with the level box around it (ocr_engine/geometry.py).

    text_height: pixels from descenders to ascenders. angle: counter-clockwise rotation of the line,
    0, 90, 180 or 270 degrees.
    """

    box: LevelBox
    words: tuple[TypesetWord, ...]
    text_height: float
    baseline: Baseline
    angle: int


class TypesetBlock(NamedTuple):
    """The lines of a block, with the level box around them."""

    block: Block
    box: LevelBox
    lines: tuple[TypesetLine, ...]


class TypesetArea(NamedTuple):
    """The blocks of an area, with the level box around them; see Block."""

    box: LevelBox
    blocks: tuple[TypesetBlock, ...]


def page_box(page: Page) -> LevelBox:
    """The box of the whole page."""
    return LevelBox(0, 0, page.width, page.height)


def typeset_areas(page: Page) -> Iterator[TypesetArea]:
    """Lay out the areas of a page, in reading order."""
    for _, group in groupby(page.blocks, key=lambda block: block.area):
        blocks = tuple(map(typeset, group))
        yield TypesetArea(around(block.box for block in blocks), blocks)


def typeset(block: Block) -> TypesetBlock:
    """Lay out the lines and words of a block."""
    lines = tuple(_line(line) for line in block.lines)
    return TypesetBlock(block, around(line.box for line in lines), lines)


def _line(line: Line) -> TypesetLine:
    box = level_box(line.box)
    words = tuple(_words(line))
    height = line_height(line.box)
    vertical = is_vertical(line.box)
    return TypesetLine(
        box=box,
        words=words,
        text_height=TEXT_HEIGHT * height,
        baseline=_baseline(line.box, box, height, vertical),
        angle=_angle(words, vertical),
    )


def _words(line: Line) -> Iterator[TypesetWord]:
    """The words of a line; its whole text as one word if they are unknown, as tools need words."""
    end = 0
    for word in words_of(line) or (_whole(line),):
        found = line.text.find(word.text, end)
        yield TypesetWord(word, level_box(word.box), found != end or not end)
        end = max(found, end) + len(word.text)


def _whole(line: Line) -> Word:
    """The line as one word; also as one character if characters were requested."""
    part = line.text, line.confidence, line.box
    return Word(*part, glyphs=(Glyph(*part),) if line.glyphs is not None else ())


def _baseline(quad: Quad, box: LevelBox, height: float, vertical: bool) -> Baseline:
    """The baseline of a line; slope 0 if the line is vertical."""
    _, _, bottom_right, bottom_left = quad
    run = bottom_right[0] - bottom_left[0]
    slope = 0.0 if vertical or run <= 0 else (bottom_right[1] - bottom_left[1]) / run
    begin = bottom_left[1] + slope * (box.left - bottom_left[0])
    return Baseline(slope, round(begin - BASELINE_HEIGHT * height - box.bottom))


def _angle(words: Sequence[TypesetWord], vertical: bool) -> int:
    """The rotation of a line, from the positions of its first and last word."""
    first, last = words[0].box, words[-1].box
    if vertical:
        return 90 if first.top > last.top else 270
    return 180 if first.left > last.left and first.right > last.right else 0
