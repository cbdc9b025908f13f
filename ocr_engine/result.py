"""The result of a recognition: Document > Page > Block > Line > Word or Glyph.

An image is a document of one page. All boxes are in pixels of the image after its EXIF orientation,
x to the right and y down from its top left corner. Their corners (x, y) run clockwise from the top
left of the image, even where the text is upside down. Confidences run from 0 to 1.

result_json.py converts it to JSON, for workers and for clients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from typing import Literal

from ocr_engine.geometry import Quad


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character of the image; its text may be several code points."""

    text: str
    confidence: float
    box: Quad


@dataclass(frozen=True, slots=True)
class Word:
    """A word without spaces around it; a single character in scripts written without spaces.

    glyphs: its characters in reading order; empty if unknown.
    """

    text: str
    confidence: float
    box: Quad
    glyphs: tuple[Glyph, ...] = ()


TextPart = Word | Glyph
Script = Literal["unsupported"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, with the spaces between its words.

    words, glyphs: in reading order; None unless requested, and empty in a line of spaces. Spaces
    are not among the glyphs. words_of() in stages/words.py builds words from glyphs.
    script: `unsupported` if all or part of the line cannot be read, as in a script that the model
    does not know; the text is then what could be read, and may be empty.
    """

    text: str
    confidence: float
    box: Quad
    words: tuple[Word, ...] | None = None
    glyphs: tuple[Glyph, ...] | None = None
    script: Script | None = None

    @property
    def parts(self) -> tuple[TextPart, ...]:
        """The words or the glyphs, whichever the line has."""
        return self.words or self.glyphs or ()

    def is_shown(self, drop_score: float) -> bool:
        """Whether the line is kept when lines with less confidence are dropped.

        A line that cannot be read always is, as nobody would learn of it otherwise.
        """
        return self.confidence >= drop_score or self.script is not None


BlockType = Literal["text", "title", "list", "table", "header", "footer"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; row and column are the first ones that it covers, and count from 0.

    lines: positions in the lines of its block, in reading order; empty for an empty cell.
    """

    row: int
    column: int
    lines: tuple[int, ...] = ()
    row_span: int = 1
    column_span: int = 1

    @property
    def end_row(self) -> int:
        """The first row below it."""
        return self.row + self.row_span

    @property
    def end_column(self) -> int:
        """The first column after it."""
        return self.column + self.column_span

    @property
    def places(self) -> Iterator[tuple[int, int]]:
        """The row and column of each place that it covers."""
        return product(range(self.row, self.end_row), range(self.column, self.end_column))


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a table, row by row; each place is covered by one cell.

    heading_rows: how many rows at the top are headings.
    """

    rows: int
    columns: int
    cells: tuple[Cell, ...]
    heading_rows: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a title, an item of a list or a table; its lines in reading order, at least one.

    area: the column, or other part of the page, that it is in; areas count from 0 in reading order.
    level: of a title, from 1; 0 for others. table: of a block of the type `table`, else None.
    """

    lines: tuple[Line, ...]
    type: BlockType = "text"
    area: int = 0
    level: int = 0
    table: Table | None = None


Problem = Literal["blurred", "faint", "small_text"]
BoxesOf = Literal["line", "block", "page"]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well the text of an image can be seen; images/quality.py.

    sharpness, contrast: of its lines, from 0 to 1. text_height: of the smallest text, in pixels.
    problems: why the text reads badly; a better photo would help.
    """

    sharpness: float
    contrast: float
    text_height: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One image: its width and height in pixels, its blocks in reading order.

    number: of the page in the file, from 1. angle: degrees (0, 90, 180 or 270) by which the image
    must be rotated clockwise so that its text is upright; size and boxes are those before that.
    raster: positions in `lines` in raster order: rows from top to bottom, each from left to right;
    empty if that is the order of `lines`. scaled_to: width and height to which the image was
    reduced before it was read. degraded: that was done because the server was busy.
    unscored: the model gives no confidence, and all are 1. boxes_of: what the model has located; if
    not lines, each line has an equal part of the box of its block, or of the page.
    """

    width: int
    height: int
    blocks: tuple[Block, ...]
    number: int = 1
    angle: int = 0
    raster: tuple[int, ...] = ()
    scaled_to: tuple[int, int] | None = None
    degraded: bool = False
    quality: Quality | None = None
    unscored: bool = False
    boxes_of: BoxesOf = "line"

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all blocks, in reading order."""
        return tuple(chain.from_iterable(block.lines for block in self.blocks))

    @property
    def text(self) -> str:
        """The text of all lines, separated by newlines; without lines that were not read at all."""
        texts = [line.text for line in self.lines if line.text or line.script is None]
        return "\n".join(texts) if any(texts) else ""

    @property
    def confidence(self) -> float:
        """The mean confidence of the lines, weighted by their number of characters."""
        return _mean_confidence(self.lines)


def raster_of(positions: Sequence[int]) -> tuple[int, ...]:
    """Page.raster of these positions: empty if the lines are in raster order."""
    return () if list(positions) == list(range(len(positions))) else tuple(positions)


@dataclass(frozen=True, slots=True)
class Document:
    """The recognized pages of a file, in order; a single one for an image.

    frames: the number of pages or frames in the file.
    """

    pages: tuple[Page, ...]
    frames: int = 1

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all pages, in reading order."""
        return tuple(chain.from_iterable(page.lines for page in self.pages))

    @property
    def text(self) -> str:
        """The text of all pages, separated by form feeds."""
        return "\f".join(page.text for page in self.pages)

    @property
    def confidence(self) -> float:
        """The mean confidence of all lines; see Page.confidence."""
        return _mean_confidence(self.lines)


def _mean_confidence(lines: Sequence[Line]) -> float:
    """Rounded to four decimals; 0.0 without lines. An empty line counts as one character."""
    weights = [max(1, len(line.text)) for line in lines]
    if not weights:
        return 0.0
    total = sum(w * line.confidence for w, line in zip(weights, lines, strict=True))
    return round(total / sum(weights), 4)


@dataclass(frozen=True, slots=True)
class Recognition:
    """A document, and the seconds of each stage (decode, det, cls, rec, draw).

    drawing: a PNG of the image with its boxes, if requested.
    """

    result: Document
    stages: Mapping[str, float] = field(default_factory=dict)
    drawing: bytes = b""


@dataclass(frozen=True, slots=True)
class EncodedRecognition:
    """A recognition that another server has made, and encoded as it is stored.

    json, artifacts: see StoredResult. stages: as in Recognition.
    """

    json: bytes
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)
