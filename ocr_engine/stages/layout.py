"""From the lines of a page, in reading order, to its blocks."""

from __future__ import annotations

from collections.abc import Iterable

from ocr_engine.geometry import level_box, line_height
from ocr_engine.result import Block, Document, Line, Page

BLOCK_GAP = 0.75  # of a line's height: with more ground between two lines a new block begins


def image_document(width: int, height: int, lines: Iterable[Line], frames: int = 1) -> Document:
    """The document of an image: a page of this size in pixels, with its lines in blocks."""
    return Document((Page(width, height, group_lines(lines)),), frames)


def group_lines(lines: Iterable[Line]) -> tuple[Block, ...]:
    """Blocks of lines that have little ground above them; the order of the lines stays."""
    blocks: list[list[Line]] = []
    bottom = 0
    for line in lines:
        box = level_box(line.box)
        gap = box.top - bottom
        if not blocks or gap > BLOCK_GAP * line_height(line.box):
            blocks.append([line])
            bottom = box.bottom
        else:
            blocks[-1].append(line)
            bottom = max(bottom, box.bottom)
    return tuple(Block(tuple(block)) for block in blocks)
