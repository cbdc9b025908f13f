"""Ruled tables: the grids that rules make, and the lines in their cells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import product
from statistics import median
from typing import NamedTuple

import numpy as np

from ocr_engine.layout.pieces import Piece, body_height
from ocr_engine.layout.rules import Rule
from ocr_engine.layout.tables import table_of
from ocr_engine.result import Cell
from ocr_engine.stages.reading_order import straighten

TOUCH = 0.6  # between the ends of rules that meet, in heights of a line
MOST_CELLS = 2000
FILLED = 0.3  # of all cells: fewer are a chart
LONGEST_CELL = 12  # lines: if one with more has most of the text, the rules divide a page
OUTSIDE = 0.4  # of the lines: if more of them leave their cells, these are none


class Segment(NamedTuple):
    """A level rule: at x from y to y if it is vertical, at y from x to x if it is horizontal."""

    at: float
    start: float
    end: float


class Rules(NamedTuple):
    """The level rules of a page."""

    across: Sequence[Segment] = ()
    down: Sequence[Segment] = ()


Place = tuple[int, int]  # row and column


class _Grid(NamedTuple):
    """The edges of rows and columns, and the cells, without lines."""

    ys: Sequence[float]
    xs: Sequence[float]
    cells: Sequence[Cell]


def level(rules: Sequence[Rule], skew: float) -> Rules:
    """The rules on a page that is straightened by this angle in radians."""
    across: list[Segment] = []
    down: list[Segment] = []
    ends = np.array(rules, dtype=np.float64).reshape(-1, 2, 2)
    for (ax, ay), (bx, by) in straighten(ends, skew).tolist():
        left, right = sorted((ax, bx))
        top, bottom = sorted((ay, by))
        if right - left >= bottom - top:
            across.append(Segment((top + bottom) / 2, left, right))
        else:
            down.append(Segment((left + right) / 2, top, bottom))
    return Rules(across, down)


def with_tables(pieces: list[Piece], rules: Rules) -> list[Piece]:
    """The pieces, with one instead of the lines of each ruled table."""
    if len(rules.across) < 2 or not rules.down:
        return pieces
    slack = TOUCH * body_height(pieces)
    for part in _connected(rules, slack):
        grid = _grid(part, slack)
        if grid is not None:
            pieces = _with_table(pieces, grid)
    return pieces


def _connected(rules: Rules, slack: float) -> list[Rules]:
    """The rules in groups that touch each other."""
    across, down = np.array(rules.across), np.array(rules.down)
    touch = (
        (down[None, :, 0] >= across[:, None, 1] - slack)
        & (down[None, :, 0] <= across[:, None, 2] + slack)
        & (across[:, None, 0] >= down[None, :, 1] - slack)
        & (across[:, None, 0] <= down[None, :, 2] + slack)
    )
    groups = []
    left = set(range(len(across)))
    while left:
        rows, columns = {left.pop()}, set[int]()
        while True:
            columns_now = set(np.flatnonzero(touch[sorted(rows)].any(axis=0)).tolist())
            if columns_now == columns:
                break
            columns = columns_now
            rows = set(np.flatnonzero(touch[:, sorted(columns)].any(axis=1)).tolist())
        left -= rows
        groups.append(
            Rules([rules.across[n] for n in sorted(rows)], [rules.down[n] for n in sorted(columns)])
        )
    return groups


def _grid(rules: Rules, slack: float) -> _Grid | None:
    """The grid of connected rules; None if it has fewer than two rows or columns."""
    across, down = rules
    if not down:
        return None
    ys = _clusters([s.at for s in across] + [s.start for s in down] + [s.end for s in down], slack)
    xs = _clusters(
        [s.at for s in down] + [s.start for s in across] + [s.end for s in across], slack
    )
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 2 or columns < 2 or rows * columns > MOST_CELLS:
        return None
    right_open = [
        [not _covers(down, xs[x + 1], (ys[y] + ys[y + 1]) / 2, slack) for x in range(columns - 1)]
        for y in range(rows)
    ]
    below_open = [
        [not _covers(across, ys[y + 1], (xs[x] + xs[x + 1]) / 2, slack) for x in range(columns)]
        for y in range(rows - 1)
    ]
    return _Grid(ys, xs, _merged(rows, columns, right_open, below_open))


def _clusters(values: Sequence[float], slack: float) -> list[float]:
    """The means of values that are close to each other."""
    groups: list[list[float]] = []
    for value in sorted(values):
        if groups and value - groups[-1][0] <= slack:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]


def _covers(segments: Sequence[Segment], at: float, place: float, slack: float) -> bool:
    return any(abs(s.at - at) <= slack and s.start <= place <= s.end for s in segments)


def _merged(
    rows: int,
    columns: int,
    right_open: Sequence[Sequence[bool]],
    below_open: Sequence[Sequence[bool]],
) -> list[Cell]:
    """The cells, which are joined where no rule is between them, if that makes a rectangle."""
    taken: set[Place] = set()
    cells = []
    for row, column in product(range(rows), range(columns)):
        if (row, column) in taken:
            continue
        right = column + 1
        while right < columns and right_open[row][right - 1] and (row, right) not in taken:
            right += 1
        below = row + 1
        while (
            below < rows
            and all(below_open[below - 1][column:right])
            and all(right_open[below][column : right - 1])
        ):
            below += 1
        cell = Cell(row, column, row_span=below - row, column_span=right - column)
        taken.update(cell.places)
        cells.append(cell)
    return cells


def _with_table(pieces: list[Piece], grid: _Grid) -> list[Piece]:
    """The pieces with the table of a grid, unless it does not look like one."""
    where = [_place(piece, grid) for piece in pieces]
    owner = {place: number for number, cell in enumerate(grid.cells) for place in cell.places}
    inside: dict[int, list[Piece]] = {}
    for piece, place in zip(pieces, where, strict=True):
        if place is not None:
            inside.setdefault(owner[place], []).append(piece)
    if len(inside) < max(2, FILLED * len(grid.cells)):
        return pieces
    found = sum(map(len, inside.values()))
    longest = max(map(len, inside.values()))
    if longest > LONGEST_CELL and 2 * longest > found:
        return pieces
    outside = sum(
        _leaves(piece, grid, grid.cells[number])
        for number, its_pieces in inside.items()
        for piece in its_pieces
    )
    if outside > OUTSIDE * found:
        return pieces
    others = [piece for piece, place in zip(pieces, where, strict=True) if place is None]
    return [*others, _table(grid, inside)]


def _place(piece: Piece, grid: _Grid) -> Place | None:
    """The row and column in which a piece lies; of several columns, that where it begins."""
    if piece.table is not None:
        return None
    row = bisect_left(grid.ys, piece.middle) - 1
    middle = (piece.left + piece.right) / 2
    column = bisect_left(grid.xs, middle) - 1
    if not (0 <= row < len(grid.ys) - 1 and 0 <= column < len(grid.xs) - 1):
        return None
    if piece.width > 1.2 * (grid.xs[column + 1] - grid.xs[column]):
        begin = piece.left + min(piece.height, piece.width) / 2
        column = max(0, bisect_left(grid.xs, begin) - 1)
    return row, column


def _leaves(piece: Piece, grid: _Grid, cell: Cell) -> bool:
    """Whether a piece leaves its cell on a side by more than a line's height."""
    left_edge, right_edge = grid.xs[cell.column], grid.xs[cell.end_column]
    return piece.left < left_edge - piece.height or piece.right > right_edge + piece.height


def _table(grid: _Grid, inside: dict[int, list[Piece]]) -> Piece:
    contents = [(cell, inside.get(number, [])) for number, cell in enumerate(grid.cells)]
    table, numbers = table_of(contents, len(grid.ys) - 1, len(grid.xs) - 1)
    found = [piece for _, its_pieces in contents for piece in its_pieces]
    return Piece(
        min(grid.xs[0], *(piece.left for piece in found)),
        min(grid.ys[0], *(piece.top for piece in found)),
        max(grid.xs[-1], *(piece.right for piece in found)),
        max(grid.ys[-1], *(piece.bottom for piece in found)),
        median(piece.height for piece in found),
        False,
        "",
        numbers,
        table,
    )
