"""Recognition of a crop's text: pre- and post-processing of a CTC model.

CTC: Graves et al., "Connectionist Temporal Classification", ICML 2006; decoded greedily.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import NamedTuple

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import CropShape, padded_crop

BLANK = 0
# The widths of padded crops: each costs 30 ms and 9 MB to compile (decisions/0018).
WIDTHS = (64, 128, 192, 256, 320, 384, 480, 576, 704, 864, 1056, 1280, 1600, 2048, 2560, 3200)
COMMON_WIDTHS = WIDTHS[:8]  # cover most lines
SHORT_WIDTH = 128  # lines of a few characters have little context
SURE = 0.97  # confidence of a line that needs no second look
UNSURE = 0.85  # confidence of a line of which the typical confidence may be much lower


class Character(NamedTuple):
    """A character, its confidence, and which part of the crop the model's time steps for it cover.

    start and end are fractions of the crop's width. They are above 1 if they lie in the padding to
    the right of the crop.
    """

    text: str
    confidence: float
    start: float
    end: float


class Reading(NamedTuple):
    """The text of a crop and its confidence.

    characters: only if requested. turned: the crop was rotated by 180 degrees. lowest: the
    confidence of the least certain character. typical: the median of the characters but spaces.
    gap: the widest part of the crop without characters, as fractions of its width. unread: all or
    part of the line cannot be read (unread.py).
    """

    text: str
    confidence: float
    characters: tuple[Character, ...] = ()
    turned: bool = False
    lowest: float = 0.0
    typical: float = 1.0
    gap: tuple[float, float] = (0.0, 1.0)
    unread: bool = False

    def is_kept(self, drop_score: float) -> bool:
        """Whether it becomes a line; one that cannot be read does, so that it can be told."""
        return self.unread or bool(self.text and self.confidence >= drop_score)


def preprocess(
    crop: ImageArray,
    height: int = 48,
    base_width: int = 320,
    squeeze: float = 1.0,
    min_width: int = 0,
) -> ImageArray:
    """A crop (H, W, 3) uint8 as (1, height, padded_width(), 3) uint8.

    The width is scaled by squeeze, but not below SHORT_WIDTH, and limited to the largest of WIDTHS.
    Padding follows, up to at least min_width. Each call takes one line, so that its text does not
    depend on other lines.
    """
    width, padded = _widths(crop.shape[:2], height, base_width, squeeze, min_width)
    return padded_crop(crop, height, width, padded)


def padded_width(
    shape: CropShape,
    height: int = 48,
    base_width: int = 320,
    squeeze: float = 1.0,
    min_width: int = 0,
) -> int:
    """The width of preprocess()'s result for a crop of this shape: one of WIDTHS."""
    return _widths(shape, height, base_width, squeeze, min_width)[1]


def filled_share(
    shape: CropShape,
    height: int = 48,
    base_width: int = 320,
    squeeze: float = 1.0,
    min_width: int = 0,
) -> float:
    """The fraction (0 to 1) of preprocess()'s result that is not padding."""
    width, padded = _widths(shape, height, base_width, squeeze, min_width)
    return width / padded


def _widths(
    shape: CropShape, height: int, base_width: int, squeeze: float, min_width: int
) -> tuple[int, int]:
    """The width without and with padding."""
    full = height * shape[1] / shape[0]
    needed = max(full * squeeze, min(full, SHORT_WIDTH))
    width = math.ceil(needed) if needed <= base_width else min(int(needed), WIDTHS[-1])
    return width, WIDTHS[bisect_left(WIDTHS, max(width, min_width))]


def decode(probabilities: FloatArray, characters: Sequence[str], filled: float = 1.0) -> Reading:
    """The likeliest text of (1, steps, classes) float32; its confidence is its characters' mean.

    Repeated classes are merged and blanks (class 0) dropped. characters[i] is class i + 1. filled:
    the fraction of the model's steps along the line that is not padding.
    """
    return _reading(_runs(probabilities[0]), characters, probabilities.shape[1] * filled)


def decode_characters(
    probabilities: FloatArray, characters: Sequence[str], filled: float
) -> Reading:
    """Like decode(), but also gives the extent of each character.

    A character extends over the steps that show it, as in PaddleOCR's return_word_box. Its
    confidence is that of its first step, so that a line's confidence is their mean.
    """
    runs = _runs(probabilities[0])
    steps = probabilities.shape[1] * filled
    found = tuple(
        Character(characters[run.index - 1], run.probability, run.start / steps, run.end / steps)
        for run in runs
    )
    return _reading(runs, characters, steps)._replace(characters=found)


@dataclass(slots=True)
class _Run:
    """Steps [start, end) whose likeliest class is index; its probability at the first step."""

    index: int
    start: int
    end: int
    probability: float


def _runs(steps: FloatArray) -> list[_Run]:
    """The runs of non-blank steps in (steps, classes).

    Reading all classes of a step takes 75 KB of memory traffic. Most steps skip that: those in
    which the blank, or the class of the previous step, has more than half of the probability.
    """
    runs: list[_Run] = []
    likeliest = BLANK
    for number in np.flatnonzero(steps[:, BLANK] <= 0.5).tolist():
        step, before = steps[number], likeliest
        if step[before] <= 0.5:
            likeliest = int(step.argmax())
        if likeliest == BLANK:
            continue
        if likeliest == before and runs[-1].end == number:
            runs[-1].end += 1
        else:
            runs.append(_Run(likeliest, number, number + 1, float(step[likeliest])))
    return runs


def _reading(runs: Sequence[_Run], characters: Sequence[str], steps: float) -> Reading:
    """The reading of these runs; steps: of the line, without padding."""
    if not runs:
        return Reading("", 0.0)
    text = [characters[run.index - 1] for run in runs]
    probabilities = [run.probability for run in runs]
    mean = fmean(probabilities)
    visible = [run for run, character in zip(runs, text, strict=True) if character != " "]
    typical = mean
    if visible and mean < UNSURE:
        typical = median(run.probability for run in visible)
    gap = widest_gap([run.start / steps for run in visible], [run.end / steps for run in visible])
    return Reading("".join(text), mean, lowest=min(probabilities), typical=typical, gap=gap)


def widest_gap(starts: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """The widest of the gaps before, between and after these characters, from 0 to 1."""
    gaps = zip((0.0, *ends), (*starts, 1.0), strict=True)
    return max(gaps, key=lambda gap: gap[1] - gap[0])
