"""Groups the lines of a page into blocks."""

from __future__ import annotations

from collections.abc import Iterable

from ocr_engine.geometry import level_box, line_height
from ocr_engine.result import Block, Document, Line, Page

BLOCK_GAP = 0.75  # of a line's height; a larger gap above a line begins a new block


def image_document(width: int, height: int, lines: Iterable[Line], frames: int = 1) -> Document:
    """The document of an image: one page of this size in pixels, its lines grouped into blocks."""
    return Document((Page(width, height, group_lines(lines)),), frames)


def group_lines(lines: Iterable[Line]) -> tuple[Block, ...]:
    """Group consecutive lines with small gaps between them; keeps the order of the lines."""
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
