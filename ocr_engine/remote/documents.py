"""From what a model has read to the document of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ocr_engine.geometry import LevelBox, Quad, level_box, rotated
from ocr_engine.moved_boxes import moved_line
from ocr_engine.remote.parts import Corners, Part
from ocr_engine.remote.tables import TextTable, is_table, parse_table, without_tags
from ocr_engine.result import Block, BoxesOf, Cell, Document, Line, Page, Table

CERTAIN = 1.0  # the confidence where the model gives none, so that no line is dropped
WHOLE: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def document_of(
    parts: Sequence[Part],
    size: tuple[int, int],
    angle: int = 0,
    frames: int = 1,
    scaled_to: tuple[int, int] | None = None,
) -> Document:
    """The document of an image of this width and height.

    angle: by how many degrees it was rotated clockwise before it was sent; boxes are those before
    that.
    """
    sent = size if angle in (0, 180) else size[::-1]
    blocks = [block for block in _blocks(parts, sent) if block.lines]
    if angle:
        blocks = [_turned_back(block, angle, sent) for block in blocks]
    page = Page(
        width=size[0],
        height=size[1],
        blocks=tuple(blocks),
        angle=angle,
        scaled_to=scaled_to,
        boxes_of=_located(parts),
        unscored=True,
    )
    return Document((page,), frames)


def _located(parts: Sequence[Part]) -> BoxesOf:
    """What the least exact of the boxes are of."""
    if any(part.corners is None for part in parts):
        return "page"
    return "line" if all(part.is_line for part in parts) else "block"


def _blocks(parts: Sequence[Part], size: tuple[int, int]) -> Iterator[Block]:
    """A block for each part; lines that follow each other are one block."""
    for is_line, several in groupby(parts, key=lambda part: part.is_line):
        if is_line:
            lines = (_line(part.text, _quad(part.corners or WHOLE, size)) for part in several)
            yield Block(tuple(line for line in lines if line.text))
            continue
        for part in several:
            box = level_box(_quad(part.corners or WHOLE, size))
            table = parse_table(part.text) if is_table(part.text) else None
            if table is not None:
                yield _table_block(table, box)
                continue
            text = without_tags(part.text) if is_table(part.text) else part.text
            kind = "text" if part.type == "table" else part.type
            yield Block(tuple(_strips(text, box)), type=kind, level=part.level)


def _strips(text: str, box: LevelBox) -> Iterator[Line]:
    """The lines of a text; each has an equal part of the box around all of them."""
    texts = [line.strip() for line in text.splitlines() if line.strip()]
    height = box.bottom - box.top
    for number, line in enumerate(texts):
        top = box.top + height * number // len(texts)
        bottom = box.top + height * (number + 1) // len(texts)
        yield _line(line, LevelBox(box.left, top, box.right, max(bottom, top + 1)).quad)


def _table_block(table: TextTable, box: LevelBox) -> Block:
    """A table whose rows all have the same height, and whose columns all have the same width."""
    lines: list[Line] = []
    cells = []
    for cell in table.cells:
        numbers: tuple[int, ...] = ()
        if cell.text:
            numbers = (len(lines),)
            place = LevelBox(
                _share(box.left, box.right, cell.column, table.columns),
                _share(box.top, box.bottom, cell.row, table.rows),
                _share(box.left, box.right, cell.column + cell.column_span, table.columns),
                _share(box.top, box.bottom, cell.row + cell.row_span, table.rows),
            )
            lines.append(_line(cell.text, place.quad))
        cells.append(Cell(cell.row, cell.column, numbers, cell.row_span, cell.column_span))
    whole = Table(table.rows, table.columns, tuple(cells), table.heading_rows)
    return Block(tuple(lines), type="table", table=whole)


def _share(low: int, high: int, number: int, of: int) -> int:
    return low + (high - low) * number // of


def _line(text: str, box: Quad) -> Line:
    return Line(" ".join(text.split()), CERTAIN, box)


def _quad(corners: Corners, size: tuple[int, int]) -> Quad:
    a, b, c, d = ((round(x * size[0]), round(y * size[1])) for x, y in corners)
    return a, b, c, d


def _turned_back(block: Block, angle: int, size: tuple[int, int]) -> Block:
    """The block in the image before it was rotated to this size."""
    lines = tuple(
        moved_line(line, lambda box: rotated(box, 360 - angle, *size)) for line in block.lines
    )
    return Block(lines, block.type, block.area, block.level, block.table)
