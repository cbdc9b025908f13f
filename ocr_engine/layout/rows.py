"""The rows of an area: pieces next to each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ocr_engine.layout.markers import is_marker
from ocr_engine.layout.pieces import Piece
from ocr_engine.stages.reading_order import group_rows

CELL_GAP = 1.5  # between two pieces of a row, in heights of a line: from this they are cells


class Row(NamedTuple):
    """Pieces from left to right, and the box around them; height: of a line."""

    pieces: tuple[Piece, ...]
    left: float
    top: float
    right: float
    bottom: float
    height: float

    @property
    def middle(self) -> float:
        """Halfway between top and bottom."""
        return (self.top + self.bottom) / 2

    @property
    def text(self) -> str:
        """The texts of its pieces."""
        if len(self.pieces) == 1:
            return self.pieces[0].text
        return " ".join(piece.text for piece in self.pieces)

    @property
    def is_table(self) -> bool:
        """Whether a table is in it."""
        return any(piece.table is not None for piece in self.pieces)

    @property
    def has_cells(self) -> bool:
        """Whether wide gaps separate its pieces; not that after the marker of a list item."""
        pieces = self.pieces[1:] if is_marker(self.pieces[0].text) else self.pieces
        gap = CELL_GAP * self.height
        return any(after.left - before.right > gap for before, after in pairwise(pieces))


def rows_of(pieces: Sequence[Piece]) -> list[Row]:
    """The rows from top to bottom; the order of reading_order()."""
    groups = group_rows(
        [(piece.left + piece.right) / 2 for piece in pieces],
        [piece.middle for piece in pieces],
        [piece.height if piece.table else piece.bottom - piece.top for piece in pieces],
    )
    return [_row(tuple(pieces[number] for number in group)) for group in groups]


def _row(pieces: tuple[Piece, ...]) -> Row:
    if len(pieces) == 1:
        (piece,) = pieces
        return Row(pieces, piece.left, piece.top, piece.right, piece.bottom, piece.height)
    return Row(
        pieces,
        min(piece.left for piece in pieces),
        min(piece.top for piece in pieces),
        max(piece.right for piece in pieces),
        max(piece.bottom for piece in pieces),
        max(piece.height for piece in pieces),
    )
