"""What is known of a page of the layout set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ocr_engine.geometry import Quad, as_quad

# loose: short lines, as of an address, which may be one paragraph or several. row: a cell of a row
# of a receipt or a form. cell: of a table.
TrueType = Literal[
    "text", "title", "list", "caption", "header", "footer", "code", "loose", "row", "cell"
]
Segment = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A block of text. level: of a heading from 1; of an item, how many lists it is in."""

    type: TrueType
    text: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class TrueLine:
    """A line of text, its box clockwise from the top left, and the number of its block."""

    text: str
    box: Quad
    block: int


@dataclass(frozen=True, slots=True)
class TrueBlock:
    """A paragraph or another block; row: of which row it is a cell; table: of which table."""

    type: TrueType
    row: int | None = None
    table: int | None = None
    vertical: bool = False


@dataclass(frozen=True, slots=True)
class TrueCell:
    """A cell of a table, at its first row and column, which count from 0."""

    row: int
    column: int
    row_span: int
    column_span: int
    text: str


@dataclass(frozen=True, slots=True)
class TruePage:
    """A page of this size in pixels; its lines in reading order.

    rules: long straight lines that are drawn on the page, from (x, y) to (x, y).
    """

    width: int
    height: int
    lines: tuple[TrueLine, ...]
    blocks: tuple[TrueBlock, ...]
    tables: tuple[tuple[TrueCell, ...], ...] = ()
    rules: tuple[Segment, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The page as JSON; see from_json()."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TruePage:
        """The page that to_json() gave."""
        return cls(
            stored["width"],
            stored["height"],
            tuple(
                TrueLine(line["text"], as_quad(line["box"]), line["block"])
                for line in stored["lines"]
            ),
            tuple(TrueBlock(**block) for block in stored["blocks"]),
            tuple(tuple(TrueCell(**cell) for cell in table) for table in stored["tables"]),
            tuple((ax, ay, bx, by) for ax, ay, bx, by in stored["rules"]),
        )
