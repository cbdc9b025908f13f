"""Running headers and footers: a small line or a page number, at the edge and far from the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_engine.layout.pieces import Piece, body_height
from ocr_engine.layout.rows import Row, rows_of

AT_EDGE = 0.1  # of the page's height
LEAST_ROWS = 8  # on the page
GAP = 1.2  # between it and the text, in heights of a line
SMALL = 0.93  # of the height of the text
_NUMBER = re.compile(
    r"[-–—·|\s]*(?:page|p\.?|第)?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*(?:(?:/|of|页?[,，]?\s*共)\s*\d{1,4})?\s*页?[-–—·|\s]*",
    re.IGNORECASE,
)


def apart(
    pieces: Sequence[Piece], height: int
) -> tuple[list[list[Piece]], list[Piece], list[list[Piece]]]:
    """The rows of the header, all other pieces, and the rows of the footer."""
    rows = rows_of(pieces)
    if len(rows) < LEAST_ROWS:
        return [], list(pieces), []
    unit = body_height(pieces)
    header = footer = False
    first, second = rows[0], rows[1]
    if first.bottom <= AT_EDGE * height and second.top - first.bottom >= GAP * unit:
        header = _is_running(first, unit)
    last, above = rows[-1], rows[-2]
    if last.top >= (1 - AT_EDGE) * height and last.top - above.bottom >= GAP * unit:
        footer = _is_running(last, unit)
    kept = rows[int(header) : len(rows) - int(footer)]
    return (
        [list(first.pieces)] if header else [],
        [piece for row in kept for piece in row.pieces],
        [list(last.pieces)] if footer else [],
    )


def _is_running(row: Row, unit: float) -> bool:
    """Whether a row at the edge is small, or has a page number at one of its ends."""
    if row.is_table or row.height > 1.1 * unit:
        return False
    ends = row.pieces[0], row.pieces[-1]
    return row.height <= SMALL * unit or any(_NUMBER.fullmatch(piece.text) for piece in ends)
