"""The content stream with the invisible text of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from server.formats.pdf.characters import EM, Characters
from server.formats.pdf.page_place import Matrix
from server.formats.pdf.strings import Piece
from server.formats.pdf.text_lines import DrawnLine

INVISIBLE = 3  # the text rendering mode that neither fills nor strokes
LEAST_SCALE = 0.01  # percent
OVERLAP = 0.005  # of the height of a line

# How the strings of a line follow each other. PDFium guesses the direction of a string of a single
# character from the whole page. If it takes vertical text for level, strings end their line unless
# they overlap. Strings of upside-down lines it sorts from the left unless they are one operator.
Strings = Literal["apart", "touching", "joined"]


def layer_content(
    lines: Iterable[DrawnLine],
    matrix: Matrix,
    font: str,
    characters: Characters,
    order: Strings = "apart",
) -> bytes:
    """The operators that draw the lines; empty without lines.

    matrix: from pixels of the upright page, with y up, to the page. order: how PDFium is made to
    keep the strings of a line together. It leaves the graphics state as it was.
    """
    strings = _WAYS[order]
    drawn = [_drawn(line, font, " ".join(strings(line, characters))) for line in lines]
    if not drawn:
        return b""
    place = " ".join(map(_number, matrix))
    return f"q {place} cm\n{''.join(drawn)}Q\n".encode("ascii")


def _drawn(line: DrawnLine, font: str, strings: str) -> str:
    """A line as one text object; its strings follow each other without a move."""
    (x, y), (along, up) = line.start, line.direction
    matrix = " ".join(map(_number, (along, up, -up, along, x, y)))
    return f"BT {INVISIBLE} Tr {font} {_number(line.height)} Tf {matrix} Tm {strings} ET\n"


def _apart(line: DrawnLine, characters: Characters) -> Iterator[str]:
    """Each string begins where the one before it ends."""
    for piece in line.pieces:
        scale = _scale(piece, line, characters)
        yield f"{_number(scale)} Tz <{characters.encoded(piece.text).hex()}> Tj"


def _touching(line: DrawnLine, characters: Characters) -> Iterator[str]:
    """Each string begins a little before the one in front of it ends."""
    back = 0.0
    for piece in line.pieces:
        scale = _scale(piece._replace(length=piece.length + back), line, characters)
        moved = _number(100 * EM * back / (line.height * scale))
        yield f"{_number(scale)} Tz [{moved} <{characters.encoded(piece.text).hex()}>] TJ"
        back = OVERLAP * line.height


def _joined(line: DrawnLine, characters: Characters) -> Iterator[str]:
    """One operator with the largest scale of the strings; what it adds to others is taken back.

    The characters begin where they should, but some reach into the next one. Spaces do not count:
    they may be as wide as they like.
    """
    scales = [_scale(piece, line, characters) for piece in line.pieces]
    seen = [s for s, piece in zip(scales, line.pieces, strict=True) if not piece.text.isspace()]
    largest = max(seen or scales)
    yield f"{_number(largest)} Tz ["
    for scale, piece in zip(scales, line.pieces, strict=True):
        for character in piece.text:
            back = characters.width(character) * (1 - scale / largest)
            yield f"<{characters.encoded(character).hex()}>{_number(round(back, 2))}"
    yield "] TJ"


_WAYS: dict[Strings, Callable[[DrawnLine, Characters], Iterator[str]]] = {
    "apart": _apart,
    "touching": _touching,
    "joined": _joined,
}


def _scale(piece: Piece, line: DrawnLine, characters: Characters) -> float:
    """The horizontal scale in percent with which a string has its length."""
    natural = characters.width(piece.text) * line.height / EM
    return max(100 * piece.length / natural, LEAST_SCALE) if natural else 100.0


def _number(value: float) -> str:
    """At most five decimals, without an exponent, which PDF does not have."""
    return f"{value:.5f}".rstrip("0").rstrip(".") if value else "0"
