"""Cuts lines that are too wide for the model into overlapping pieces, and joins their texts.

Two pieces are joined in the middle of the longest text that both have at the same place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import Crops, CropShape
from ocr_engine.stages.recognition import Character, Reading, widest_gap

OVERLAP = 8.0  # of two pieces, in heights of the line
SAME_PLACE = 0.5  # how far apart both pieces may see a character, in heights of the line

Span = tuple[int, int]  # from the first column to the first one after it


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of all lines of a page; most lines are a single piece.

    spans: of the pieces of each line. crops: of all pieces, line by line.
    """

    shapes: Sequence[CropShape]
    spans: Sequence[Sequence[Span]]
    crops: Crops

    def join(self, readings: Sequence[Reading]) -> list[Reading]:
        """The readings of the lines, from readings of all pieces that have their characters."""
        remaining = iter(readings)
        return [
            _joined(shape, spans, [next(remaining) for _ in spans])
            for shape, spans in zip(self.shapes, self.spans, strict=True)
        ]


def is_long(shape: CropShape, longest: float) -> bool:
    """Whether a crop is wider than this many times its height."""
    return shape[1] > longest * shape[0]


def cut(crops: Crops, longest: float) -> Pieces:
    """Cut each crop that is longer than this many heights."""
    spans = [_spans(shape, longest) for shape in crops.shapes]
    places = [(number, span) for number, parts in enumerate(spans) for span in parts]

    def make(place: int) -> ImageArray:
        number, (start, end) = places[place]
        return crops[number][:, start:end]

    shapes = [(crops.shapes[number][0], end - start) for number, (start, end) in places]
    return Pieces(crops.shapes, spans, Crops(shapes, make))


def _spans(shape: CropShape, longest: float) -> list[Span]:
    """Pieces of the same width, at most `longest` heights, each overlapping the next."""
    height, width = shape
    if not is_long(shape, longest):
        return [(0, width)]
    overlap = OVERLAP * height
    count = math.ceil((width - overlap) / (longest * height - overlap))
    step = (width - overlap) / count
    return [(int(step * n), min(int(step * n + step + overlap), width)) for n in range(count)]


def _joined(shape: CropShape, spans: Sequence[Span], readings: Sequence[Reading]) -> Reading:
    """The reading of a line from those of its pieces."""
    if len(spans) == 1:
        return readings[0]
    height, width = shape
    parts = [_placed(reading, span) for reading, span in zip(readings, spans, strict=True)]
    middles = [(end + start) / 2 for (_, end), (start, _) in pairwise(spans)]
    characters = parts[0]
    for part, middle in zip(parts[1:], middles, strict=True):
        characters = _join(characters, part, middle, height)
    if not characters:
        return Reading("", 0.0)
    found = tuple(
        character._replace(start=character.start / width, end=character.end / width)
        for character in characters
    )
    text = "".join(character.text for character in found)
    sure = [character.confidence for character in found]
    visible = [character for character in found if character.text != " "]
    return Reading(
        text,
        fmean(sure),
        found,
        lowest=min(sure),
        typical=median(sure),
        gap=widest_gap([each.start for each in visible], [each.end for each in visible]),
    )


def _placed(reading: Reading, span: Span) -> list[Character]:
    """The characters of a piece, at columns of the line."""
    start, end = span
    width = end - start
    return [
        character._replace(start=start + character.start * width, end=start + character.end * width)
        for character in reading.characters
    ]


def _join(
    left: list[Character], right: list[Character], middle: float, height: int
) -> list[Character]:
    """The characters of two overlapping pieces; without a common text, cut in the middle."""
    first, second, length = _common(left, right, SAME_PLACE * height)
    if not length:
        return [
            *(character for character in left if _middle(character) < middle),
            *(character for character in right if _middle(character) >= middle),
        ]
    half = length // 2
    return left[: first + half] + right[second + half :]


def _common(
    left: Sequence[Character], right: Sequence[Character], distance: float
) -> tuple[int, int, int]:
    """Where the longest common text begins in both, and its length; the first one of several.

    Equal characters may be at most `distance` columns apart. The farther apart they are, the less
    they count, because in a row of equal characters they may be two different ones.
    """
    best, best_score = (0, 0, 0), 0.0
    before: dict[int, tuple[int, float]] = {}
    for i, one in enumerate(left):
        ending: dict[int, tuple[int, float]] = {}
        for j, other in enumerate(right):
            apart = abs(_middle(one) - _middle(other))
            if one.text != other.text or apart > distance:
                continue
            length, score = before.get(j - 1, (0, 0.0))
            length, score = ending[j] = length + 1, score + 1 - apart / (2 * distance)
            if score > best_score:
                best, best_score = (i - length + 1, j - length + 1, length), score
        before = ending
    return best


def _middle(character: Character) -> float:
    return (character.start + character.end) / 2
