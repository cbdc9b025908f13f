"""The JSON form of a page's blocks and of its raster order, by the numbers of its lines.

The number of a line is its place in a list of all lines of the page, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, NotRequired, TypedDict, get_args

from ocr_engine.result import Block, BlockType, Cell, Line, Table, raster_of

_NOT_NEGATIVE = {"minimum": 0}
_AT_LEAST_1 = {"minimum": 1}
_BLOCK_TYPES = get_args(BlockType)
MAX_PLACES = 100_000  # of a table, so that a broken worker cannot fill the memory


class CellJson(TypedDict):
    """A cell of a table."""

    row: Annotated[int, "Its first row, from 0.", _NOT_NEGATIVE]
    column: Annotated[int, "Its first column, from 0.", _NOT_NEGATIVE]
    row_span: Annotated[int, _AT_LEAST_1]
    column_span: Annotated[int, _AT_LEAST_1]
    lines: Annotated[Sequence[int], "Its lines, as in the block."]


class TableJson(TypedDict):
    """The cells of a table, row by row."""

    rows: Annotated[int, _AT_LEAST_1]
    columns: Annotated[int, _AT_LEAST_1]
    heading_rows: Annotated[int, "How many rows at the top are headings.", _NOT_NEGATIVE]
    cells: list[CellJson]


class BlockJson(TypedDict):
    """A paragraph, a title, an item of a list or a table."""

    type: BlockType
    area: Annotated[
        int, "The column or other part of the page, from 0 in reading order.", _NOT_NEGATIVE
    ]
    lines: Annotated[Sequence[int], "Its lines in reading order: indices into `lines`, from 0."]
    level: NotRequired[Annotated[int, "Of a title, from 1.", _AT_LEAST_1]]
    table: NotRequired[TableJson]


def block_as_json(block: Block, numbers: Sequence[int]) -> BlockJson:
    """The JSON of a block; numbers: of its lines."""
    data: BlockJson = {"type": block.type, "area": block.area, "lines": numbers}
    if block.level:
        data["level"] = block.level
    if block.table is not None:
        data["table"] = _table_as_json(block.table, numbers)
    return data


def blocks_as_json(blocks: Iterable[Block], numbers: Sequence[int]) -> list[BlockJson]:
    """The JSON of all blocks; numbers: of their lines in reading order."""
    found, end = [], 0
    for block in blocks:
        start, end = end, end + len(block.lines)
        found.append(block_as_json(block, list(numbers[start:end])))
    return found


def blocks_from_json(
    data: Sequence[Mapping[str, Any]], raster: Sequence[int] | None, lines: Sequence[Line]
) -> tuple[tuple[Block, ...], tuple[int, ...]]:
    """The blocks and the raster order of a page; see Page.

    raster: the numbers of the lines in raster order; None: as in `lines`. ValueError, KeyError or
    TypeError unless each line is in one block, and each line of a table in one cell.
    """
    order = list(chain.from_iterable(block["lines"] for block in data))
    positions = _positions(order, len(lines))
    blocks = tuple(_block(block, lines) for block in data)
    if raster is None:
        return blocks, raster_of(positions)
    _positions(raster, len(lines))
    return blocks, raster_of([positions[number] for number in raster])


def _positions(order: Sequence[int], count: int) -> list[int]:
    """The position of each number in the order; ValueError unless each is there once."""
    positions = [-1] * count
    for position, number in enumerate(order):
        if _whole(number) >= count or positions[number] >= 0:
            raise ValueError("each line must be in one block")
        positions[number] = position
    if len(order) != count:
        raise ValueError("each line must be in one block")
    return positions


def _block(data: Mapping[str, Any], lines: Sequence[Line]) -> Block:
    kind, table = data["type"], data.get("table")
    if kind not in _BLOCK_TYPES or (kind == "table") != (table is not None):
        raise ValueError("a block needs a type, and a table its cells")
    if not data["lines"]:
        raise ValueError("a block needs lines")
    return Block(
        lines=tuple(lines[number] for number in data["lines"]),
        type=kind,
        area=_whole(data["area"]),
        level=_whole(data.get("level", 0)),
        table=None if table is None else _table(table, data["lines"]),
    )


def _table_as_json(table: Table, numbers: Sequence[int]) -> TableJson:
    cells: list[CellJson] = [
        {
            "row": cell.row,
            "column": cell.column,
            "row_span": cell.row_span,
            "column_span": cell.column_span,
            "lines": [numbers[position] for position in cell.lines],
        }
        for cell in table.cells
    ]
    return {
        "rows": table.rows,
        "columns": table.columns,
        "heading_rows": table.heading_rows,
        "cells": cells,
    }


def _table(data: Mapping[str, Any], numbers: Sequence[int]) -> Table:
    positions = {number: position for position, number in enumerate(numbers)}
    rows, columns = _whole(data["rows"], 1), _whole(data["columns"], 1)
    cells = tuple(_cell(cell, positions) for cell in data["cells"])
    if any(cell.end_row > rows or cell.end_column > columns for cell in cells):
        raise ValueError("a cell is outside of its table")
    size = sum(cell.row_span * cell.column_span for cell in cells)
    if not size <= rows * columns <= MAX_PLACES:
        raise ValueError("a table is too large, or its cells overlap")
    if len({place for cell in cells for place in cell.places}) != size:
        raise ValueError("cells of a table overlap")
    if sorted(chain.from_iterable(cell.lines for cell in cells)) != list(range(len(numbers))):
        raise ValueError("each line of a table must be in one cell")
    return Table(rows, columns, cells, _whole(data["heading_rows"]))


def _cell(data: Mapping[str, Any], positions: Mapping[int, int]) -> Cell:
    return Cell(
        row=_whole(data["row"]),
        column=_whole(data["column"]),
        lines=tuple(positions[number] for number in data["lines"]),
        row_span=_whole(data["row_span"], 1),
        column_span=_whole(data["column_span"], 1),
    )


def _whole(value: Any, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"expected an integer of at least {least}")
    return value
