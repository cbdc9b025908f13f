"""Running headers and footers: a small line or a page number, at the edge and far from the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_engine.layout.pieces import Piece, body_height
from ocr_engine.layout.rows import Row, rows_of

AT_EDGE = 0.1  # of the page's height
NUMBER_AT_EDGE = 0.2  # where a page number may be
LEAST_ROWS = 8  # on the page
GAP = 1.2  # between it and the text, in heights of a line
SMALL = 0.93  # of the height of the text
LARGEST = 1.1  # of it, of a row with a page number
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
    first, second, above, last = rows[0], rows[1], rows[-2], rows[-1]
    header = second.top - first.bottom >= GAP * unit and _is_running(
        first, first.bottom / height, unit
    )
    footer = last.top - above.bottom >= GAP * unit and _is_running(
        last, 1 - last.top / height, unit
    )
    kept = rows[int(header) : len(rows) - int(footer)]
    return (
        [list(first.pieces)] if header else [],
        [piece for row in kept for piece in row.pieces],
        [list(last.pieces)] if footer else [],
    )


def _is_running(row: Row, from_edge: float, unit: float) -> bool:
    """Whether a row near the edge is small, or has a page number at one of its ends.

    from_edge: how far its other side is from the edge, in heights of the page.
    """
    if row.is_table or row.height > LARGEST * unit or from_edge > NUMBER_AT_EDGE:
        return False
    ends = row.pieces[0], row.pieces[-1]
    if any(_NUMBER.fullmatch(piece.text) for piece in ends):
        return True
    return from_edge <= AT_EDGE and row.height <= SMALL * unit
