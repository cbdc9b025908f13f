"""Tables without rules: rows of cells whose gaps lie below each other."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from ocr_engine.layout.paragraphs import Draft
from ocr_engine.layout.pieces import Piece
from ocr_engine.layout.rows import Row, rows_of
from ocr_engine.layout.strips import Strip
from ocr_engine.result import Cell, Table

_LABEL = re.compile(r"[^:：]*[^:：\d][:：]")
LEAST_ROWS = 3
LEAST_COLUMNS = 3
SAME_HEIGHT = 0.75  # of the height of a strip: another one is of the same table
LEAST_PIECES = 2  # of a column
FILLED = 0.5  # of all cells
CELL_LINE_GAP = 0.4  # in heights, between the lines of a cell at the end of a table
SAME_CELL = 0.75  # of the usual gap between rows: a line still belongs to the cell above it


def parts(rows: Sequence[Row], strips: Sequence[Strip]) -> Iterator[Draft | Sequence[Row]]:
    """The tables of an area, and the rows above, between and below them."""
    found = None
    if strips and len(rows) >= LEAST_ROWS:
        found = _largest_table(rows, _bridged(strips, rows))
    if found is None:
        yield rows
        return
    first, end, table = found
    yield from parts(rows[:first], strips)
    yield table
    yield from parts(rows[end:], strips)


def _largest_table(rows: Sequence[Row], strips: Sequence[Strip]) -> tuple[int, int, Draft] | None:
    """The largest table in these rows: its first row, the one after its last, and its block."""
    middles = [row.middle for row in rows]
    best = None
    for strip in strips:
        columns = _columns(strip, strips)
        first, end = bisect_left(middles, strip.top), bisect_left(middles, strip.bottom)
        first, end = _with_cells(rows, first, end, columns[0].right)
        inside = rows[first:end]
        is_smaller = best is not None and end - first <= best[1] - best[0]
        if is_smaller or not _may_be_table(inside):
            continue
        edges = _edges(columns, inside)
        draft = _table(inside, edges) if len(edges) + 1 >= LEAST_COLUMNS else None
        if draft is not None:
            best = first, end, draft
    return best


def _bridged(strips: Sequence[Strip], rows: Sequence[Row]) -> list[Strip]:
    """The strips, joined where a single row of cells is between two of them.

    Detection may join two cells, and a heading may be above several columns.
    """
    joined: list[Strip] = []
    for strip in sorted(strips, key=lambda strip: strip.top):
        for number, above in enumerate(joined):
            left, right = max(above.left, strip.left), min(above.right, strip.right)
            if left >= right:
                continue
            between = [row for row in rows if above.bottom <= row.middle <= strip.top]
            if len(between) == 1 and len(between[0].pieces) > 1:
                joined[number] = Strip(left, above.top, right, strip.bottom)
                break
        else:
            joined.append(strip)
    return sorted(joined, key=lambda strip: -strip.height)


def _columns(seed: Strip, strips: Sequence[Strip]) -> list[Strip]:
    """The strips of the same table as a strip, itself included, from the left."""
    chosen = [seed]
    for strip in strips:
        common = min(strip.bottom, seed.bottom) - max(strip.top, seed.top)
        apart = all(strip.right <= other.left or other.right <= strip.left for other in chosen)
        if apart and common >= SAME_HEIGHT * seed.height:
            chosen.append(strip)
    return sorted(chosen)


def _edges(columns: Sequence[Strip], rows: Sequence[Row]) -> list[float]:
    """Where columns meet: of two strips without pieces between them, only the higher one counts."""
    kept = list(columns)
    while True:
        edges = [strip.middle for strip in kept]
        counts = Counter(bisect_left(edges, piece.left) for row in rows for piece in row.pieces)
        empty = next((n for n in range(len(kept) + 1) if counts[n] < LEAST_PIECES), None)
        if empty is None or not kept:
            return edges
        kept.remove(min(kept[max(empty - 1, 0) : empty + 1], key=lambda strip: strip.height))


def _with_cells(rows: Sequence[Row], first: int, end: int, right: float) -> tuple[int, int]:
    """These rows without single pieces at both ends, but with the rest of the last cell.

    right: the right edge of the gap after the first column.
    """
    while first < end and len(rows[first].pieces) < 2:
        first += 1
    while first < end and len(rows[end - 1].pieces) < 2:
        end -= 1
    while first < end < len(rows) and _hangs(rows[end], rows[end - 1], right):
        end += 1
    return first, end


def _hangs(row: Row, above: Row, right: float) -> bool:
    """Whether a row is the rest of a cell, not one of the first column."""
    return row.left >= right and row.top - above.bottom < CELL_LINE_GAP * row.height


def _may_be_table(rows: Sequence[Row]) -> bool:
    """Whether enough rows have cells, without a table among them, and they are no form."""
    with_cells = sum(len(row.pieces) > 1 for row in rows)
    return with_cells >= LEAST_ROWS and not any(row.is_table for row in rows) and not _is_form(rows)


def _is_form(rows: Sequence[Row]) -> bool:
    """Whether most pieces are a label and a value."""
    pieces = [piece for row in rows for piece in row.pieces]
    return 2 * sum(bool(_LABEL.match(piece.text)) for piece in pieces) > len(pieces)


def _table(rows: Sequence[Row], edges: Sequence[float]) -> Draft | None:
    """The table of these rows, whose columns meet at these edges; None if it is too empty."""
    bands = _bands(rows, edges)
    columns = len(edges) + 1
    contents = [each for row, band in enumerate(bands) for each in _cells(row, band, edges)]
    filled = sum(cell.column_span for cell, pieces in contents if pieces)
    if len(bands) < LEAST_ROWS or filled < FILLED * columns * len(bands):
        return None
    table, numbers = table_of(contents, len(bands), columns)
    return Draft("table", numbers, median(row.height for row in rows), table)


def _bands(rows: Sequence[Row], edges: Sequence[float]) -> list[list[Piece]]:
    """The pieces of each row of the table, which may be several rows of text."""
    gaps = [below.top - above.bottom for above, below in pairwise(rows) if below.left < edges[0]]
    usual = median(gaps) if gaps else 0.0
    bands: list[list[Piece]] = []
    bottom = 0.0
    for row in rows:
        gap = row.top - bottom
        hangs = row.left >= edges[0] and gap < SAME_CELL * usual
        overlaps = gap < -0.2 * row.height
        if bands and (hangs or overlaps):
            bands[-1] += row.pieces
        else:
            bands.append(list(row.pieces))
        bottom = max(bottom, row.bottom)
    return bands


def _cells(
    row: int, band: Sequence[Piece], edges: Sequence[float]
) -> Iterator[tuple[Cell, list[Piece]]]:
    """The cells of a row of the table, with their pieces."""
    columns = len(edges) + 1
    pieces: dict[int, list[Piece]] = {}
    spans: dict[int, int] = {}
    for piece in band:
        first, last = bisect_left(edges, piece.left), bisect_left(edges, piece.right)
        if piece.numeric:  # detection has joined numbers
            last = first
        pieces.setdefault(first, []).append(piece)
        spans[first] = max(spans.get(first, 1), last - first + 1)
    column = 0
    while column < columns:
        span = min(spans.get(column, 1), columns - column)
        following = [other for other in pieces if column < other < column + span]
        span = min([span, *(other - column for other in following)])
        yield Cell(row, column, column_span=span), pieces.get(column, [])
        column += span


def table_of(
    contents: Iterable[tuple[Cell, Sequence[Piece]]], rows: int, columns: int
) -> tuple[Table, tuple[int, ...]]:
    """The table of these cells with their pieces, and the numbers of its lines in reading order."""
    cells: list[Cell] = []
    numbers: list[int] = []
    bands: list[list[Piece]] = [[] for _ in range(rows)]
    for cell, pieces in contents:
        lines = _in_order(pieces)
        places = tuple(range(len(numbers), len(numbers) + len(lines)))
        cells.append(replace(cell, lines=places))
        numbers += lines
        bands[cell.row] += pieces
    return Table(rows, columns, tuple(cells), _heading_rows(bands)), tuple(numbers)


def _in_order(pieces: Sequence[Piece]) -> list[int]:
    """The numbers of the lines of a cell, row by row."""
    if len(pieces) > 1:
        pieces = [piece for row in rows_of(pieces) for piece in row.pieces]
    return [number for piece in pieces for number in piece.numbers]


def _heading_rows(bands: Sequence[Sequence[Piece]]) -> int:
    """1 if the first row has no numbers and most of the others do, else 0."""
    first, *others = bands
    numeric = sum(any(piece.numeric for piece in band) for band in others)
    return int(not any(piece.numeric for piece in first) and 2 * numeric > len(others))
