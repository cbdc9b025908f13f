"""The pages of a result, as the APIs of other servers need them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from cache.stored_result import StoredResult
from ocr_engine.geometry import Quad, as_quad, is_vertical, level_box
from ocr_engine.result_json import as_json
from ocr_engine.stages.words import split_words
from server.formats.answer import Answer
from server.formats.rendering import Rendering
from server.formats.stored import decode_result

Box = Sequence[Sequence[int]]  # four corners (x, y), clockwise from the top left

_NARROW = frozenset("fijlrtI1.,:;'`|!()[]{}-\" ")
_AS_STORED = Rendering()


class ReadWord(NamedTuple):
    """A word or character, its place in the text of its line, and its box."""

    text: str
    confidence: float
    start: int
    box: Box


class ReadLine(NamedTuple):
    """A line of text. parts: its words or characters, if they were asked for."""

    text: str
    confidence: float
    box: Box
    parts: Sequence[Mapping[str, Any]] = ()

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom."""
        return bounds(self.box)


class ReadPage(NamedTuple):
    """A page; angle: degrees by which it must be rotated clockwise to be upright."""

    width: int
    height: int
    angle: int
    lines: Sequence[ReadLine]

    @property
    def text(self) -> str:
        """The lines, separated by newlines."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """The mean of the lines; 0 without lines."""
        scores = [line.confidence for line in self.lines]
        return sum(scores) / len(scores) if scores else 0.0


def read_pages(answer: Answer, rendering: Rendering = _AS_STORED) -> list[ReadPage]:
    """The pages of an image's result: one."""
    return [read_page(answer.result, rendering)]


def read_page(stored: StoredResult | None, rendering: Rendering = _AS_STORED) -> ReadPage:
    """A page, without the lines that could not be read at all; None: of a page without a result."""
    if stored is None:
        return ReadPage(0, 0, 0, ())
    if rendering.drop_score is None and rendering.order in (None, "layout"):
        data: Mapping[str, Any] = json.loads(stored.json)  # as it is stored: no document
    else:
        data = as_json(decode_result(stored, rendering.drop_score, rendering.order))
    return _page(data)


def full_text(pages: Sequence[ReadPage]) -> str:
    """The text of all pages, separated by form feeds."""
    return "\f".join(page.text for page in pages)


def words_of(line: ReadLine, angle: int = 0) -> list[ReadWord]:
    """The words of a line; angle: of its page.

    Without words in the result, their boxes are estimated from the line's box and the usual widths
    of characters. So an image needs no recognition of its own for an API that wants words.
    """
    if line.parts:
        return _found_words(line)
    places = [0.0, *accumulate(map(_width, line.text))]
    total = places[-1] or 1.0
    backwards = angle in (90, 180)
    words = []
    for start, end in split_words(line.text):
        share = places[start] / total, places[end] / total
        if backwards:
            share = 1 - share[1], 1 - share[0]
        box = _part_of(as_quad(line.box), *share)
        words.append(ReadWord(line.text[start:end], line.confidence, start, box))
    return words


def bounds(box: Box) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a box."""
    return level_box(box)


def flat(box: Box) -> list[int]:
    """The corners as one list: x, y, x, y and so on."""
    return [coordinate for corner in box for coordinate in corner]


def _page(data: Mapping[str, Any]) -> ReadPage:
    lines = [
        ReadLine(line["text"], line["confidence"], line["box"], _parts(line))
        for line in data["lines"]
        if line["text"] or "script" not in line
    ]
    return ReadPage(data["width"], data["height"], data.get("angle", 0), lines)


def _parts(line: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    parts: Sequence[Mapping[str, Any]] = line.get("words") or line.get("chars") or ()
    return parts


def _found_words(line: ReadLine) -> list[ReadWord]:
    words, end = [], 0
    for part in line.parts:
        start = max(line.text.find(part["text"], end), end)
        end = start + len(part["text"])
        words.append(ReadWord(part["text"], part["confidence"], start, part["box"]))
    return words


def _width(character: str) -> float:
    """The usual width of a character, relative to a lower-case letter."""
    if east_asian_width(character) in "WF":
        return 2.0
    return 0.5 if character in _NARROW else 1.0


def _part_of(quad: Quad, start: float, end: float) -> Box:
    """The part of a line's box between two shares of its length."""
    a, b, c, d = quad
    if is_vertical(quad):
        return [
            _between(a, d, start), _between(b, c, start), _between(b, c, end), _between(a, d, end)
        ]  # fmt: skip
    return [_between(a, b, start), _between(a, b, end), _between(d, c, end), _between(d, c, start)]


def _between(one: Sequence[int], other: Sequence[int], share: float) -> tuple[int, int]:
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
    )
