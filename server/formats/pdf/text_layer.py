"""The content stream with the invisible text of a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from server.formats.pdf.characters import EM, Characters
from server.formats.pdf.page_place import Matrix
from server.formats.pdf.text_lines import DrawnLine

INVISIBLE = 3  # the text rendering mode that neither fills nor strokes
LEAST_SCALE = 0.01  # percent


def layer_content(
    lines: Iterable[DrawnLine], matrix: Matrix, font: str, characters: Characters
) -> bytes:
    """The operators that draw the lines; empty without lines.

    matrix: from pixels of the upright page, with y up, to the page. It leaves the graphics state as
    it was.
    """
    drawn = [_drawn(line, font, characters) for line in lines]
    if not drawn:
        return b""
    place = " ".join(map(_number, matrix))
    return f"q {place} cm\n{''.join(drawn)}Q\n".encode("ascii")


def _drawn(line: DrawnLine, font: str, characters: Characters) -> str:
    """A line as one text object; its strings follow each other without a move."""
    (x, y), (along, up) = line.start, line.direction
    matrix = " ".join(map(_number, (along, up, -up, along, x, y)))
    strings = " ".join(_strings(line, characters))
    return f"BT {INVISIBLE} Tr {font} {_number(line.height)} Tf {matrix} Tm {strings} ET\n"


def _strings(line: DrawnLine, characters: Characters) -> Iterator[str]:
    for piece in line.pieces:
        natural = characters.width(piece.text) * line.height / EM
        scale = max(100 * piece.length / natural, LEAST_SCALE) if natural else 100.0
        yield f"{_number(scale)} Tz <{characters.encoded(piece.text).hex()}> Tj"


def _number(value: float) -> str:
    """At most five decimals, without an exponent, which PDF does not have."""
    return f"{value:.5f}".rstrip("0").rstrip(".") if value else "0"
