"""The rows of an area: pieces next to each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ocr_engine.layout.markers import is_marker
from ocr_engine.layout.pieces import Piece
from ocr_engine.stages.reading_order import group_rows
from ocr_engine.stages.words import stands_alone

CELL_GAP = 1.5  # between two pieces of a row, in heights of a line: from this they are cells


class Row(NamedTuple):
    """Pieces from left to right, and the box around them.

    height: of a line. is_table: whether a table is among them.
    """

    pieces: tuple[Piece, ...]
    left: float
    top: float
    right: float
    bottom: float
    height: float
    is_table: bool

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
    def has_cells(self) -> bool:
        """Whether wide gaps separate its pieces; not that after the marker of a list item."""
        if len(self.pieces) == 1:
            return False
        pieces = self.pieces[1:] if is_marker(self.pieces[0].text) else self.pieces
        gap = CELL_GAP * self.height
        return any(after.left - before.right > gap for before, after in pairwise(pieces))

    @property
    def first_word(self) -> float:
        """The width of its first word, in pixels, with the space before it."""
        text = self.text
        if not text:
            return self.height
        character = (self.right - self.left) / len(text)
        if stands_alone(text[0]):  # closing punctuation takes the character before it along
            return 2.7 * max(character, 0.8 * self.height)
        words = text.split(maxsplit=1)
        return (len(words[0]) + 1.5) * character if words else self.height


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
        left, top, right, bottom, height = piece[:5]
        return Row(pieces, left, top, right, bottom, height, piece.table is not None)
    return Row(
        pieces,
        min(piece.left for piece in pieces),
        min(piece.top for piece in pieces),
        max(piece.right for piece in pieces),
        max(piece.bottom for piece in pieces),
        max(piece.height for piece in pieces),
        any(piece.table is not None for piece in pieces),
    )
