"""Pages on paper: documents, receipts and tables of numbers."""

from __future__ import annotations

import random

from pages.fonts import bold
from pages.noise import speckle
from pages.sheet import Pen, Sheet, wrap
from pages.spec import Colour, Spec

INK: Colour = (24, 24, 28)
PAPERS: dict[str, Colour] = {
    "plain": (255, 255, 255),
    "scan": (244, 244, 240),
    "cream": (250, 243, 226),
}
TALL = 2400


class Column:
    """A column of text that is written downwards on a sheet."""

    def __init__(self, sheet: Sheet, margin: int, leading: float) -> None:
        self.sheet = sheet
        self.margin = margin
        self.leading = leading
        self.y = float(margin)

    @property
    def right(self) -> int:
        """The right end of the column in pixels."""
        return self.sheet.image.width - self.margin

    def advance(self, pen: Pen, factor: float = 1.0) -> int:
        """Move down by a line and return the new baseline."""
        self.y += pen.size * self.leading * factor
        return round(self.y)

    def line(self, text: str, pen: Pen, centred: bool = False) -> None:
        """Write one line, left-aligned or centred."""
        y = self.advance(pen)
        middle = self.sheet.image.width / 2
        if centred:
            self.sheet.write((middle, y), text, pen, "ms")
        else:
            self.sheet.write((self.margin, y), text, pen)

    def pair(self, row: str, pen: Pen) -> None:
        """Write `left || right` as two boxes on the same row."""
        left, right = row.split(" || ")
        y = self.advance(pen)
        self.sheet.write((self.margin, y), left, pen)
        self.sheet.write((self.right, y), right, pen, "rs")

    def paragraph(self, text: str, pen: Pen) -> None:
        """Write a paragraph, wrapped into lines."""
        for line in wrap(text, pen, self.right - self.margin):
            self.line(line, pen)

    def ruler(self, pen: Pen) -> None:
        """Draw a thin line over the whole width."""
        y = round(self.y + pen.size * 0.75)
        self.sheet.draw.line((self.margin, y, self.right, y), fill=(150, 150, 150), width=1)
        self.y += pen.size * 0.35

    def finish(self) -> Sheet:
        """Crop the sheet below the last line."""
        self.sheet.crop(round(self.y) + self.margin)
        return self.sheet


def draw_document(spec: Spec) -> Sheet:
    """Draw a heading, paragraphs and rows on a page of the width in `spec`."""
    size, width = spec.number("size"), spec.number("width")
    paper = spec.text("paper", "plain")
    column = Column(Sheet((width, TALL), PAPERS[paper]), width // 14, 1.72)
    pen = Pen(spec.text("face"), size, INK)
    for block in spec.blocks:
        if block.startswith("# "):
            column.line(block[2:], Pen(bold(pen.face), round(size * 1.4), INK), centred=True)
            column.y += size * 0.5
        elif " || " in block:
            column.pair(block, pen)
        else:
            column.paragraph(block, pen)
    sheet = column.finish()
    if paper == "scan":
        sheet.image = speckle(sheet.image, spec.random(), 3)
    return sheet


def draw_receipt(spec: Spec) -> Sheet:
    """Draw a narrow slip with centred notes and rows of an item and its price."""
    size, width = spec.number("size"), spec.number("width")
    column = Column(Sheet((width, TALL), (252, 252, 250)), width // 13, 1.7)
    pen = Pen(spec.text("face"), size, (40, 40, 44))
    for block in spec.blocks:
        if block == "-":
            column.ruler(pen)
        elif block.startswith("# "):
            column.line(block[2:], Pen(bold(pen.face), round(size * 1.3), pen.ink), centred=True)
        elif " || " in block:
            column.pair(block, pen)
        else:
            column.line(block, pen, centred=True)
    return column.finish()


def draw_table(spec: Spec) -> Sheet:
    """Draw rows of invented numbers, one or two boxes each."""
    size, width = spec.number("size"), spec.number("width")
    column = Column(Sheet((width, TALL), PAPERS["plain"]), width // 12, 1.9)
    pen = Pen(spec.text("face"), size, INK)
    generator = spec.random()
    for number in range(spec.number("rows")):
        if number and spec.text("rulers"):
            column.ruler(pen)
        row = " || ".join(filled_row(spec.text("row"), generator))
        if " || " in row:
            column.pair(row, pen)
        else:
            column.line(row, pen)
    return column.finish()


def filled_row(pattern: str, generator: random.Random) -> list[str]:
    """Fill a pattern: `9` any digit, `8` a digit but zero, `_` a blank, `/` between two boxes."""
    marks = {"9": "0123456789", "8": "123456789", "_": " "}
    filled = (generator.choice(marks.get(mark, mark)) for mark in pattern)
    return "".join(filled).split("/")
