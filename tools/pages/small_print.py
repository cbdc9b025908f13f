"""Pages of small print: contracts, leaflets, newspaper columns, receipts and tariffs."""

from __future__ import annotations

import statistics
from itertools import pairwise

from pages.fonts import bold
from pages.noise import speckle
from pages.papers import INK, PAPERS, TALL, Column, filled_row
from pages.sheet import LayoutError, Pen, Sheet
from pages.spec import Spec

LEADING = 1.5
FEWEST_LINES = 50
TEXT_PX = range(12, 18)


def draw_small_print(spec: Spec) -> Sheet:
    """Draw headings, paragraphs and rows of cells; raises LayoutError if letters are too large."""
    size, width = spec.number("size"), spec.number("width")
    paper = spec.text("paper", "plain")
    column = Column(Sheet((width, TALL), PAPERS[paper]), width // 14, LEADING)
    pen = Pen(spec.text("face"), size, INK)
    generator = spec.random()
    for block in spec.blocks:
        if block == "-":
            column.ruler(pen)
        elif block.startswith("# "):
            column.line(block[2:], Pen(bold(pen.face), round(size * 1.3), INK), centred=True)
            column.y += size * 0.4
        elif block.startswith("## "):
            column.line(block[3:], Pen(bold(pen.face), size, INK))
        elif block.startswith("~ "):
            _cells(column, [block[2:], *filled_row(spec.text("row"), generator)], pen)
        elif " || " in block:
            _cells(column, block.split(" || "), pen)
        else:
            column.paragraph(block, pen)
    sheet = column.finish()
    _require_small_print(spec.name, sheet)
    if paper == "scan":
        sheet.image = speckle(sheet.image, spec.random(), 3)
    return sheet


def text_px(sheet: Sheet) -> int:
    """The usual height of a line in pixels, from the top of its tallest letter to its lowest."""
    return round(statistics.median(bottom - top for _, top, _, bottom in sheet.boxes))


def _cells(column: Column, cells: list[str], pen: Pen) -> None:
    """Write a row: the first cell at the left, the others flush right at equal distances."""
    y = column.advance(pen)
    column.sheet.write((column.margin, y), cells[0], pen)
    step = (column.right - column.margin) / len(cells)
    boxes = [
        column.sheet.write((round(column.margin + step * (place + 1)), y), cell, pen, "rs")
        for place, cell in enumerate(cells[1:], 1)
    ]
    for left, right in pairwise(boxes):
        if right[0] - left[2] < pen.size:
            raise LayoutError(f"the cells of {cells} are too close to each other")


def _require_small_print(name: str, sheet: Sheet) -> None:
    if len(sheet.lines) < FEWEST_LINES or text_px(sheet) not in TEXT_PX:
        raise LayoutError(f"{name}: {len(sheet.lines)} lines of {text_px(sheet)} px")
