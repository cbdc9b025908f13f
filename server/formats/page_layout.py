"""Blocks, lines and words of a result as level boxes, as TSV and hOCR have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ocr_engine.result import OcrResult, Quad, TextLine, TextPart
from ocr_engine.stages.words import split_words

BLOCK_GAP = 0.75  # of a line's height: with more ground between two lines a new block begins
TEXT_HEIGHT = 0.8  # of a line's box, which detection has grown beyond its letters
BASELINE_HEIGHT = 0.25  # where the baseline lies in it, from below
DESCENDERS = ASCENDERS = 0.2  # of the text's height
VERTICAL_RATIO = 1.5


class LevelBox(NamedTuple):
    """A box without a slope, in pixels of the upright image; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word, how sure it is (0 to 1), and its characters if they are known.

    spaced: there is a space between it and the word before.
    """

    text: str
    confidence: float
    box: LevelBox
    spaced: bool = True
    characters: tuple[TextPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line: text_height in pixels; angle: counter-clockwise, 0, 90, 180 or 270 degrees.

    The baseline is that of hOCR: a slope, and an offset from the bottom left of the box.
    """

    box: LevelBox
    words: tuple[Word, ...]
    text_height: float
    slope: float
    offset: int
    angle: int


@dataclass(frozen=True, slots=True)
class Block:
    """Lines with little ground between them."""

    box: LevelBox
    lines: tuple[Line, ...]


def lay_out(result: OcrResult) -> list[Block]:
    """The blocks from the top of the image to its bottom, with all lines in reading order."""
    blocks: list[list[Line]] = []
    bottom = -math.inf
    for line in (_line(line) for line in result.lines):
        if line.box.top - bottom > BLOCK_GAP * line.text_height / TEXT_HEIGHT:
            blocks.append([])
            bottom = -math.inf
        blocks[-1].append(line)
        bottom = max(bottom, line.box.bottom)
    return [Block(around(line.box for line in block), tuple(block)) for block in blocks]


def level_box(quad: Quad) -> LevelBox:
    """The box round four corners; at least a pixel wide and high."""
    left, top = max(min(x for x, _ in quad), 0), max(min(y for _, y in quad), 0)
    right, bottom = max(x for x, _ in quad), max(y for _, y in quad)
    return LevelBox(left, top, max(right, left + 1), max(bottom, top + 1))


def around(boxes: Iterable[LevelBox]) -> LevelBox:
    """The box round all these."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return LevelBox(min(lefts), min(tops), max(rights), max(bottoms))


def _line(line: TextLine) -> Line:
    top_left, top_right, bottom_right, bottom_left = line.box
    width, height = math.dist(top_left, top_right), math.dist(top_left, bottom_left)
    vertical = height >= VERTICAL_RATIO * width
    across = width if vertical else height
    box = level_box(line.box)
    words = tuple(_words(line))
    run = bottom_right[0] - bottom_left[0]
    slope = 0.0 if vertical or run <= 0 else (bottom_right[1] - bottom_left[1]) / run
    below = bottom_left[1] + slope * (box.left - bottom_left[0]) - BASELINE_HEIGHT * across
    return Line(
        box=box,
        words=words,
        text_height=TEXT_HEIGHT * across,
        slope=slope,
        offset=round(below - box.bottom),
        angle=_angle(words, vertical),
    )


def _angle(words: Sequence[Word], vertical: bool) -> int:
    """Which way the line runs, told by its first and its last word."""
    first, last = words[0].box, words[-1].box
    if vertical:
        return 90 if first.top > last.top else 270
    return 180 if first.left > last.left and first.right > last.right else 0


def _words(line: TextLine) -> Iterator[Word]:
    """The line's words; put together from its characters, or one of all its text."""
    if line.chars is not None:
        groups = [parts for parts in _grouped(line.text, line.chars) if parts]
    elif line.words is not None:
        groups = [[word] for word in line.words]
    else:
        groups = []
    end = 0
    for parts in groups or [[TextPart(line.text, line.confidence, line.box)]]:
        text = "".join(part.text for part in parts)
        found = line.text.find(text, end)
        spaced = found != end or not end
        end = max(found, end) + len(text)
        yield Word(
            text=text,
            confidence=sum(part.confidence for part in parts) / len(parts),
            box=around(level_box(part.box) for part in parts),
            spaced=spaced,
            characters=tuple(parts) if line.chars is not None else (),
        )


def _grouped(text: str, chars: Sequence[TextPart]) -> Iterator[list[TextPart]]:
    """The characters of each word; spaces are in the text only."""
    texts: list[str] = []
    parts: list[TextPart | None] = []
    end = 0
    for part in chars:
        found = text.find(part.text, end)
        if found > end:
            texts.append(" ")
            parts.append(None)
        end = max(found, end) + len(part.text)
        texts.append(part.text)
        parts.append(part)
    for start, stop in split_words(texts):
        yield [part for part in parts[start:stop] if part is not None]
