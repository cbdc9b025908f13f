"""Tables: their cells by place, and as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace

from ocr_engine.result import Block, Cell, Table
from server.formats.joining import joined


def grid(block: Block) -> list[list[Cell | None]]:
    """The rows of a table: each cell at its first place, None at all others."""
    table = table_of(block)
    rows: list[list[Cell | None]] = [[None] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell
    return rows


def table_of(block: Block) -> Table:
    """The table of a block; ValueError if it is no table."""
    if block.table is None:
        raise ValueError("the block is no table")
    return block.table


def has_spans(table: Table) -> bool:
    """Whether a cell covers more than one place."""
    return any(cell.row_span > 1 or cell.column_span > 1 for cell in table.cells)


def cell_text(block: Block, cell: Cell) -> str:
    """The text of a cell in one line."""
    return joined(block.lines[position].text for position in cell.lines)


def cell_block(block: Block, cell: Cell) -> Block:
    """The lines of a cell that has some, as a block of text."""
    lines = tuple(block.lines[position] for position in cell.lines)
    return replace(block, lines=lines, type="text", table=None)


def table_as_html(block: Block) -> str:
    """The table in one line of HTML."""
    heading_rows = table_of(block).heading_rows
    rows = [
        "".join(_cell(block, cell, "th" if cell.row < heading_rows else "td") for cell in row)
        for row in _rows(block)
    ]
    parts = (("thead", rows[:heading_rows]), ("tbody", rows[heading_rows:]))
    body = "".join(
        f"<{name}>{''.join(f'<tr>{row}</tr>' for row in several)}</{name}>"
        for name, several in parts
        if several
    )
    return f"<table>{body}</table>"


def _rows(block: Block) -> Iterator[list[Cell]]:
    """The cells that begin in each row."""
    for row in grid(block):
        yield [cell for cell in row if cell is not None]


def _cell(block: Block, cell: Cell, name: str) -> str:
    spans = f' rowspan="{cell.row_span}"' * (cell.row_span > 1)
    spans += f' colspan="{cell.column_span}"' * (cell.column_span > 1)
    return f"<{name}{spans}>{html.escape(cell_text(block, cell), quote=False)}</{name}>"
