"""The boxes of words and characters within a line.

A CTC model reads each character at one of its steps, and a step is a column of the crop.
PaddleOCR's return_word_box places words in this way. But a step is as wide as a sixth of the crop's
height, or as a quarter if the crop was squeezed, so edges are then moved to where the ink ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from ocr_engine.geometry import Quad, as_quad
from ocr_engine.images.decode import ImageArray
from ocr_engine.options import Granularity
from ocr_engine.result import Glyph, Line, Script, Word
from ocr_engine.stages.detection import Float64Array, QuadArray, ScoredBox
from ocr_engine.stages.recognition import Character, Reading
from ocr_engine.stages.words import split_words

GROUND = 0.1  # of the ink in the darkest columns; a column with less is background
OFF_MIDDLE = 0.15  # cost, as ink, of a cut at the end of its range

SLACK = 0.3  # of the height; how far a letter may be from the middle of its steps

Extent = tuple[float, float]
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]


def text_line(reading: Reading, box: QuadArray, crop: ImageArray, granularity: Granularity) -> Line:
    """The line read in the crop of this box, with the words or characters requested."""
    script: Script | None = "unsupported" if reading.unread else None
    line = Line(reading.text, round(reading.confidence, 4), as_quad(box), script=script)
    if granularity == "line":
        return line
    texts = [character.text for character in reading.characters]
    spans = split_words(texts)
    if granularity == "char":
        spans = [(i, i + 1) for start, end in spans for i in range(start, end)]
    extents = find_extents(reading, crop)
    vertical = _is_vertical(box, crop)
    parts = [
        (
            "".join(texts[start:end]),
            _mean_confidence(reading.characters[start:end]),
            _slice(box, vertical, (extents[start][0], extents[end - 1][1]), reading.turned),
        )
        for start, end in spans
    ]
    if granularity == "char":
        return replace(line, glyphs=tuple(Glyph(*part) for part in parts))
    return replace(line, words=tuple(Word(*part) for part in parts))


def unread_line(box: ScoredBox, granularity: Granularity) -> Line:
    """The line of a box that is not to be read."""
    line = Line("", round(box.score, 4), as_quad(np.rint(box.corners).astype(np.int32)))
    if granularity == "line":
        return line
    return replace(line, words=()) if granularity == "word" else replace(line, glyphs=())


def find_extents(reading: Reading, crop: ImageArray) -> list[Extent]:
    """The extent of each character, as fractions of the width of the crop as read.

    A space has no extent: both its ends are its middle.
    """
    height, width = crop.shape[:2]
    middles = [min((c.start + c.end) / 2, 1.0) * width for c in reading.characters]
    extents = [(middle / width, middle / width) for middle in middles]
    runs = _without_spaces(reading.characters)
    if not runs:
        return extents
    ink = ink_of_columns(crop)[:: -1 if reading.turned else 1]
    reach = max([0.7 * height, *(1.5 * distance for distance in _distances(middles, runs))])
    cuts = [
        max(middles[runs[0][0]] - reach, 0.0),
        *(_widest_gap(ink, middles[run[-1]], middles[after[0]]) for run, after in pairwise(runs)),
        min(middles[runs[-1][-1]] + reach, float(width)),
    ]
    for run, (left, right) in zip(runs, pairwise(cuts), strict=True):
        found = _divide(ink, middles[run.start : run.stop], left, right, SLACK * height)
        extents[run.start : run.stop] = [(start / width, end / width) for start, end in found]
    return extents


def ink_of_columns(crop: ImageArray) -> Float64Array:
    """The ink in each column of the crop: 0 for background, about 1 for letters."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    contrast = grey.std(axis=0)
    low, high = np.percentile(contrast, (5, 95))
    ink: Float64Array = np.clip((contrast - low) / max(high - low, 1.0), 0.0, 1.0)
    return ink


def _without_spaces(characters: Sequence[Character]) -> list[range]:
    """The runs of characters between spaces, as ranges of indices."""
    spaces = [i for i, character in enumerate(characters) if character.text.isspace()]
    edges = [-1, *spaces, len(characters)]
    return [range(before + 1, after) for before, after in pairwise(edges) if after > before + 1]


def _divide(
    ink: Float64Array, middles: Sequence[float], left: float, right: float, slack: float
) -> list[Extent]:
    """The extents, from left to right, of characters without spaces between them.

    If there are as many pieces of ink as characters, and each is near its character, the pieces are
    the characters. The middles alone are less exact, as a narrow letter may be more than one step
    off. In other cases, the cuts are where the least ink is between two middles.
    """
    starts, ends = runs_of(ink[int(left) : math.ceil(right)] >= GROUND)
    pieces = [(int(left) + start, int(left) + end) for start, end in zip(starts, ends, strict=True)]
    if len(pieces) == len(middles) and all(
        start - slack <= middle <= end + slack
        for (start, end), middle in zip(pieces, middles, strict=True)
    ):
        cuts = [(end + start) / 2 for (_, end), (start, _) in pairwise(pieces)]
    else:
        cuts = [_least_ink(ink, low, high) for low, high in pairwise(middles)]
    return [_without_ground(ink, low, high) for low, high in pairwise([left, *cuts, right])]


def _least_ink(ink: Float64Array, low: float, high: float) -> float:
    """Where to cut between the middles of two characters."""
    columns = np.arange(int(low), max(int(high), int(low) + 1))
    middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
    cost = ink[columns.clip(0, ink.size - 1)] + OFF_MIDDLE * np.abs(columns + 0.5 - middle) / half
    return float(columns[cost.argmin()]) + 0.5


def _widest_gap(ink: Float64Array, low: float, high: float) -> float:
    """Where to cut between two characters with a space: the middle of the widest gap."""
    first = int(low)
    starts, ends = runs_of(ink[first : int(high) + 1] < GROUND)
    if starts.size == 0:
        return _least_ink(ink, low, high)
    widest = (ends - starts).argmax()
    return first + float(starts[widest] + ends[widest]) / 2


def runs_of(flags: BoolArray) -> tuple[IndexArray, IndexArray]:
    """Where each run of true begins and where it ends."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return edges[::2], edges[1::2]


def _without_ground(ink: Float64Array, left: float, right: float) -> Extent:
    """The part of the range with ink, and a pixel on each side; the whole range without ink."""
    first = int(left)
    columns = np.flatnonzero(ink[first : math.ceil(right)] >= GROUND)
    if columns.size == 0:
        return left, right
    return max(left, first + columns[0] - 1.0), min(right, first + columns[-1] + 2.0)


def _distances(middles: Sequence[float], runs: Sequence[range]) -> list[float]:
    """The median distance between two characters; empty if there is none."""
    found = [middles[b] - middles[a] for run in runs for a, b in pairwise(run)]
    return [float(np.median(found))] if found else []


def _mean_confidence(characters: Sequence[Character]) -> float:
    return round(sum(character.confidence for character in characters) / len(characters), 4)


def _is_vertical(box: QuadArray, crop: ImageArray) -> bool:
    """Whether cut_out() rotated the crop by 90 degrees: the box is high, the crop wide."""
    top, side = np.linalg.norm(box[1] - box[0]), np.linalg.norm(box[3] - box[0])
    return bool(side > top and crop.shape[1] > crop.shape[0])


def _slice(box: QuadArray, vertical: bool, extent: Extent, turned: bool) -> Quad:
    """The part of the box between two fractions of its length, as whole pixels."""
    start, end = (1 - extent[1], 1 - extent[0]) if turned else extent
    return as_quad(np.rint(part_of_box(box, start, end, vertical)))


def part_of_box(box: QuadArray, start: float, end: float, vertical: bool = False) -> Float64Array:
    """The part of the box between two fractions of its length, clockwise from the top left."""
    top_left, top_right, bottom_right, bottom_left = box.astype(np.float64)
    if vertical:
        left, right = bottom_left - top_left, bottom_right - top_right
        part = (
            top_left + start * left,
            top_right + start * right,
            top_right + end * right,
            top_left + end * left,
        )
    else:
        top, bottom = top_right - top_left, bottom_right - bottom_left
        part = (
            top_left + start * top,
            top_left + end * top,
            bottom_left + end * bottom,
            bottom_left + start * bottom,
        )
    return np.array(part)
