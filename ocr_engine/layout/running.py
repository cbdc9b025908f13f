"""Running headers and footers: a small line or a page number, at the edge and far from the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_engine.layout.pieces import Piece, body_height
from ocr_engine.layout.rows import Row, rows_of

AT_EDGE = 0.1  # of the page's height
NUMBER_AT_EDGE = 0.2  # where a page number may be
LEAST_LINES = 8  # on the page
NEAR_EDGE = 0.35  # of the page's height: where the line next to it is looked for
GAP = 1.2  # between it and the text, in heights of a line
SMALL = 0.93  # of the height of the text
LARGEST = 1.1  # of it, of a row with a page number
_NUMBER = re.compile(
    r"[-–—·|\s]*(?:page|p\.?|第)?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*(?:(?:/|of|页?[,，]?\s*共)\s*\d{1,4})?\s*页?[-–—·|\s]*",
    re.IGNORECASE,
)


def apart(pieces: Sequence[Piece], height: int) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """The pieces of the header, all others, and those of the footer."""
    if len(pieces) < LEAST_LINES:
        return [], list(pieces), []
    unit = body_height(pieces)
    above = rows_of([piece for piece in pieces if piece.middle < NEAR_EDGE * height])
    below = rows_of([piece for piece in pieces if piece.middle > (1 - NEAR_EDGE) * height])
    header: Sequence[Piece] = ()
    footer: Sequence[Piece] = ()
    if len(above) > 1 and above[1].top - above[0].bottom >= GAP * unit:
        first = above[0]
        header = first.pieces if _is_running(first, first.bottom / height, unit) else ()
    if below and (len(below) == 1 or below[-1].top - below[-2].bottom >= GAP * unit):
        last = below[-1]
        footer = last.pieces if _is_running(last, 1 - last.top / height, unit) else ()
    apart_from = {piece.numbers for piece in (*header, *footer)}
    return (
        list(header),
        [piece for piece in pieces if piece.numbers not in apart_from],
        list(footer),
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
