"""The lines of a page as they are drawn: where each begins, its direction, height and strings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ocr_engine.geometry import Quad, is_vertical
from ocr_engine.moved_boxes import rotated_lines
from ocr_engine.result import Line, Page
from server.formats.pdf.characters import Characters
from server.formats.pdf.strings import Part, Piece, divided

TOLERANCE = 0.05  # of the height of a line; see divided()
LEVEL_PIXELS = 1.5  # a slope over less than this comes from corners in whole pixels

Vector = tuple[float, float]


class DrawnLine(NamedTuple):
    """A line in pixels of the upright page, with y up from its bottom.

    start: of its lower edge. direction: of its text, of length 1. height: of its box.
    """

    start: Vector
    direction: Vector
    height: float
    pieces: tuple[Piece, ...]


class _Edge(NamedTuple):
    """The lower edge of a line, with y down as in the image; height: of the line above it."""

    start: Vector
    direction: Vector
    length: float
    height: float

    def along(self, quad: Quad) -> tuple[float, float]:
        """Where a box begins and ends along the edge."""
        x, y = self.direction
        places = [
            (corner[0] - self.start[0]) * x + (corner[1] - self.start[1]) * y for corner in quad
        ]
        return min(places), max(places)


def upright_size(page: Page) -> tuple[int, int]:
    """Width and height of the page when its text is upright."""
    return (page.height, page.width) if page.angle in (90, 270) else (page.width, page.height)


def drawn_lines(page: Page, characters: Characters) -> Iterator[DrawnLine]:
    """The lines with text, in their order."""
    _, height = upright_size(page)
    for line in rotated_lines(page.lines, page.angle, page.width, page.height):
        if not line.text.strip():
            continue
        parts = _placed_parts(line)
        edge = _edge(line.box, _quarter_turns(line))
        extents = _extents(parts, edge, line.text)
        pieces = tuple(divided(extents, characters.width, TOLERANCE * edge.height))
        first = extents[0].start
        (x, y), (along, down) = edge.start, edge.direction
        yield DrawnLine(
            start=(x + first * along, height - (y + first * down)),
            direction=(along, -down),
            height=edge.height,
            pieces=pieces,
        )


def _placed_parts(line: Line) -> list[tuple[str, Quad | None]]:
    """The words or characters of a line with their boxes, and the spaces between them.

    Empty if they are unknown, or do not make up the text.
    """
    found: list[tuple[str, Quad | None]] = []
    end = 0
    for part in line.parts:
        begin = line.text.find(part.text, end)
        between = line.text[end:begin]
        if begin < 0 or between.strip() or not part.text:
            return []
        if between and found:
            found.append((between, None))
        found.append((part.text, part.box))
        end = begin + len(part.text)
    return [] if line.text[end:].strip() else found


def _extents(parts: Sequence[tuple[str, Quad | None]], edge: _Edge, text: str) -> list[Part]:
    if not parts:
        return [Part(text.strip(), 0.0, edge.length)]
    return [Part(part, *((0.0, 0.0) if box is None else edge.along(box))) for part, box in parts]


def _quarter_turns(line: Line) -> int:
    """By how many quarter turns clockwise the text lies; vertical lines are read downwards.

    The positions of the first and the last word show lines that are read in the other direction.
    One character alone may be as narrow as a vertical line.
    """
    parts = line.parts
    vertical = is_vertical(line.box) and len(line.text.strip()) > 1
    if len(parts) < 2:
        return int(vertical)
    (x, y), (last_x, last_y) = _middle(parts[0].box), _middle(parts[-1].box)
    if vertical:
        return 3 if y > last_y else 1
    return 2 if x > last_x else 0


def _middle(quad: Quad) -> Vector:
    return sum(x for x, _ in quad) / 4, sum(y for _, y in quad) / 4


def _edge(quad: Quad, turns: int) -> _Edge:
    """The edge below the text of a box whose text lies by this many quarter turns."""
    top_left, top_right, bottom_right, bottom_left = (quad[(turns + each) % 4] for each in range(4))
    height = (math.dist(top_left, bottom_left) + math.dist(top_right, bottom_right)) / 2
    across, down = bottom_right[0] - bottom_left[0], bottom_right[1] - bottom_left[1]
    if abs(down) <= LEVEL_PIXELS:
        down = 0
    elif abs(across) <= LEVEL_PIXELS:
        across = 0
    length = math.hypot(across, down) or 1.0
    direction = (across / length, down / length) if across or down else (1.0, 0.0)
    return _Edge(bottom_left, direction, length, max(height, 1.0))
