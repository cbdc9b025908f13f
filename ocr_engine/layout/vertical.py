"""Pages written in vertical columns, from the right."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_engine.layout import columns
from ocr_engine.layout.columns import Area
from ocr_engine.layout.pieces import Piece, rotated_left

LEAST_COLUMNS = 2
LEAST_GAP = 0.3  # between two parts of the page, in heights of a line


def has_columns(pieces: Sequence[Piece]) -> bool:
    """Whether a page, or all of a part of it between its top and bottom, is written in columns."""
    standing = [piece for piece in pieces if piece.is_column]
    if len(standing) < LEAST_COLUMNS:
        return len(standing) == len(pieces) > 0
    lying = [piece for piece in pieces if not _stands(piece)]
    top = min(piece.top for piece in standing)
    bottom = max(piece.bottom for piece in standing)
    next_to = [piece for piece in lying if top < piece.middle < bottom]
    return _length(standing) > _length(next_to)


def _length(pieces: Sequence[Piece]) -> float:
    """The total length of lines, in heights of a line."""
    return sum(max(p.width, p.bottom - p.top) / max(p.height, 1.0) for p in pieces)


def areas(pieces: Sequence[Piece]) -> list[Area]:
    """The areas of a page of vertical columns, whose pieces are rotated so that columns are rows.

    Other lines come before or after the columns, where they are above or below them.
    """
    standing = sorted((p for p in pieces if _stands(p)), key=lambda piece: piece.top)
    lying = [piece for piece in pieces if not _stands(piece)]
    parts = _parts(standing)
    middles = [(min(p.top for p in part) + max(p.bottom for p in part)) / 2 for part in parts]
    before: list[list[Piece]] = [[] for _ in range(len(parts) + 1)]
    for piece in lying:
        before[sum(middle <= piece.middle for middle in middles)].append(piece)
    found: list[Area] = []
    waiting: list[Piece] = []
    for number, part in enumerate([*parts, []]):
        if before[number] or number == len(parts):
            rotated = columns.areas(rotated_left(waiting))
            found += [area._replace(is_rotated=True) for area in rotated]
            found += columns.areas(before[number])
            waiting = []
        waiting += part
    return found


def _stands(piece: Piece) -> bool:
    """Whether it is a column, or a single character of one."""
    return piece.is_column or (piece.table is None and len(piece.text) == 1)


def _parts(standing: Sequence[Piece]) -> list[list[Piece]]:
    """The columns, divided where the page is empty from left to right."""
    parts: list[list[Piece]] = []
    bottom = 0.0
    for piece in standing:
        if parts and piece.top - bottom < LEAST_GAP * piece.height:
            parts[-1].append(piece)
        else:
            parts.append([piece])
        bottom = max(bottom, piece.bottom)
    return parts
