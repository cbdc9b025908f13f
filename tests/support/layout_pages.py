"""Lines of small made pages, as the layout gets them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ocr_engine.geometry import LevelBox, Quad, as_quad
from ocr_engine.layout import lay_out
from ocr_engine.layout.rules import Rule
from ocr_engine.result import Block, Line, Page
from ocr_engine.selection import in_raster_order
from ocr_engine.stages.reading_order import page_skew, reading_order

WIDTH, HEIGHT = 1000, 1400
SIZE = 20  # of the font, in pixels
PITCH = 30  # distance of lines


def line(text: str, left: float, top: float, size: int = SIZE, width: float = 0) -> Line:
    """A line in a font of this size; Chinese characters are as wide as that, others half of it."""
    if not width:
        width = sum(size if ord(char) > 0x2E80 else size / 2 for char in text)
    box = LevelBox(int(left), int(top), int(left + width), int(top + 1.15 * size))
    return Line(text, 0.9, box.quad)


def upright_line(text: str, left: float, top: float, size: int = SIZE) -> Line:
    """A vertical column of characters."""
    box = LevelBox(int(left), int(top), int(left + 1.15 * size), int(top + size * len(text)))
    return Line(text, 0.9, box.quad)


def words(name: str, length: int) -> str:
    """A text of this many characters that begins with a name."""
    return f"{name} {'lorem ipsum dolor sit amet consectetur ' * 9}"[:length].rstrip() + "x"


def hanzi(name: str, length: int) -> str:
    """A Chinese text of this many characters that begins with a name."""
    return f"{name}{'天地玄黄宇宙洪荒日月盈昃辰宿列张' * 5}"[:length]


def column(name: str, left: float, top: float, lengths: Iterable[int]) -> list[Line]:
    """Lines below each other: name0, name1 ..., of these lengths in characters."""
    return [
        line(words(f"{name}{number}", length), left, top + PITCH * number)
        for number, length in enumerate(lengths)
    ]


def laid_out(
    lines: Sequence[Line],
    height: int = HEIGHT,
    rules: Sequence[Rule] = (),
    boxes: Sequence[Quad] | None = None,
) -> tuple[Block, ...]:
    """The blocks of a page, whose lines are given in raster order, as the engine does."""
    quads = [each.box for each in lines] if boxes is None else boxes
    order = reading_order([np.array(quad, dtype=np.float32) for quad in quads])
    given = [lines[number] for number in order]
    corners = np.array([quads[number] for number in order], dtype=np.float64)
    blocks, raster = lay_out(given, corners, page_skew(corners), height, rules)
    found = [each for block in blocks for each in block.lines]
    assert sorted(map(id, found)) == sorted(map(id, given))
    page = Page(WIDTH, height, blocks, raster=raster)
    assert list(in_raster_order(page).lines) == given
    return blocks


def names(blocks: Iterable[Block]) -> list[str]:
    """The first word of each line, in reading order."""
    return [each.text.split()[0] for block in blocks for each in block.lines]


def grouped(blocks: Iterable[Block]) -> list[list[str]]:
    """The first word of each line, block by block."""
    return [[each.text.split()[0] for each in block.lines] for block in blocks]


def skewed(lines: Iterable[Line], degrees: float) -> list[Line]:
    """The lines on a page that is rotated clockwise around its corner."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return [
        Line(
            each.text,
            each.confidence,
            as_quad(
                (round(x * cosine - y * sine), round(x * sine + y * cosine)) for x, y in each.box
            ),
        )
        for each in lines
    ]
