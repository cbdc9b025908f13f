"""What a recognition yields: Document > Page > Block > Line > Word or Glyph.

An image is a document of one page. All boxes are in pixels of the upright page image, x to the
right and y down from its top left corner; their corners (x, y) run clockwise from the top left of
the image, even where the text is upside down. Confidences run from 0 to 1.

How a document is written as JSON, between processes and for clients: result_json.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ocr_engine.geometry import Quad


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character as it stands in the image; its text may be several code points."""

    text: str
    confidence: float
    box: Quad


@dataclass(frozen=True, slots=True)
class Word:
    """A word without spaces around it; a single character in scripts written without spaces.

    glyphs: its characters in reading order, or nothing if they are not known.
    """

    text: str
    confidence: float
    box: Quad
    glyphs: tuple[Glyph, ...] = ()


TextPart = Word | Glyph


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, with the spaces between its words.

    words or glyphs, in reading order, if they were asked for, else None; glyphs without spaces.
    stages/words.py: words_of() makes words of glyphs. There may be none, as in a line of spaces.
    """

    text: str
    confidence: float
    box: Quad
    words: tuple[Word, ...] | None = None
    glyphs: tuple[Glyph, ...] | None = None

    @property
    def parts(self) -> tuple[TextPart, ...]:
        """The words or the glyphs, whichever there are."""
        return self.words or self.glyphs or ()


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, in reading order; at least one."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One image: its width and height in pixels when upright, its blocks in reading order.

    number: which page of the file it is, from 1.
    """

    width: int
    height: int
    blocks: tuple[Block, ...]
    number: int = 1

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all blocks, in reading order."""
        return tuple(chain.from_iterable(block.lines for block in self.blocks))

    @property
    def text(self) -> str:
        """All lines, one under the other."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """The lines' confidences, averaged with the number of characters as weight."""
        return _mean_confidence(self.lines)


@dataclass(frozen=True, slots=True)
class Document:
    """The pages that were read of a file, in its order; a single one for an image.

    frames: how many pages or frames the file holds.
    """

    pages: tuple[Page, ...]
    frames: int = 1

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all pages, in reading order."""
        return tuple(chain.from_iterable(page.lines for page in self.pages))

    @property
    def text(self) -> str:
        """The texts of the pages, with a form feed between two."""
        return "\f".join(page.text for page in self.pages)

    @property
    def confidence(self) -> float:
        """That of all lines; see Page.confidence."""
        return _mean_confidence(self.lines)


def _mean_confidence(lines: Sequence[Line]) -> float:
    """With four decimals; 0.0 for no lines. An empty line counts as one character."""
    weights = [max(1, len(line.text)) for line in lines]
    if not weights:
        return 0.0
    total = sum(w * line.confidence for w, line in zip(weights, lines, strict=True))
    return round(total / sum(weights), 4)


@dataclass(frozen=True, slots=True)
class Recognition:
    """A document with the seconds that each stage took (decode, det, cls, rec, draw).

    drawing: a PNG of the image with the boxes over it, if it was asked for.
    """

    result: Document
    stages: Mapping[str, float] = field(default_factory=dict)
    drawing: bytes = b""
