"""Recognition: a crop's text. Pre- and post-processing of a CTC model.

CTC: Graves et al., "Connectionist Temporal Classification", ICML 2006; decoded greedily.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import CropShape, padded_crop
from ocr_engine.stages.detection import FloatArray

BLANK = 0
# Of crops with padding: each costs 30 ms and 9 MB to compile, so steps grow (decisions/0018).
WIDTHS = (64, 128, 192, 256, 320, 384, 480, 576, 704, 864, 1056, 1280, 1600, 2048, 2560, 3200)
COMMON_WIDTHS = WIDTHS[:8]  # of most lines
SHORT_WIDTH = 128  # lines of a few characters have little context
SURE = 0.97  # a line read with less is read at its full width, too


class Character(NamedTuple):
    """A character, how sure it is, and from where to where its steps lie in the crop.

    start and end are shares of the crop's width; they may be beyond 1, in the padding.
    """

    text: str
    confidence: float
    start: float
    end: float


class Reading(NamedTuple):
    """What a crop says and how sure that is.

    characters: only where they are asked for. turned: the crop was turned by 180 degrees before.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...] = ()
    turned: bool = False


def preprocess(
    crop: ImageArray,
    height: int = 48,
    base_width: int = 320,
    squeeze: float = 1.0,
    min_width: int = 0,
) -> ImageArray:
    """A crop (H, W, 3) uint8 as (1, height, padded_width(), 3) uint8.

    The ratio, times squeeze, is kept up to the largest of WIDTHS, but nothing is squeezed to less
    than SHORT_WIDTH; the rest is padding, up to a width of at least least. A line is alone, so that
    its text does not depend on its neighbours.
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
    """The width of what preprocess() makes of a crop of this shape: one of WIDTHS."""
    return _widths(shape, height, base_width, squeeze, min_width)[1]


def filled_share(
    shape: CropShape,
    height: int = 48,
    base_width: int = 320,
    squeeze: float = 1.0,
    min_width: int = 0,
) -> float:
    """How much of what preprocess() makes of a crop of this shape is not padding, 0 to 1."""
    width, padded = _widths(shape, height, base_width, squeeze, min_width)
    return width / padded


def _widths(
    shape: CropShape, height: int, base_width: int, squeeze: float, min_width: int
) -> tuple[int, int]:
    """The width without padding, and with it."""
    full = height * shape[1] / shape[0]
    needed = max(full * squeeze, min(full, SHORT_WIDTH))
    width = math.ceil(needed) if needed <= base_width else min(int(needed), WIDTHS[-1])
    return width, WIDTHS[bisect_left(WIDTHS, max(width, min_width))]


def decode(probabilities: FloatArray, characters: Sequence[str]) -> tuple[str, float]:
    """The likeliest text of (1, steps, classes) float32 and the mean probability of its letters.

    Repeated classes are merged and blanks (class 0) dropped. characters[i] is class i + 1.
    """
    return _text(_runs(probabilities[0]), characters)


def decode_characters(
    probabilities: FloatArray, characters: Sequence[str], filled: float
) -> Reading:
    """What decode() gives, and where each character stands; filled: the share without padding.

    A character is where the steps are that say it, as in PaddleOCR's return_word_box; its
    confidence is that of the first of them, so that the line's is the mean of its characters'.
    """
    runs = _runs(probabilities[0])
    steps = probabilities.shape[1] * filled
    found = tuple(
        Character(characters[run.index - 1], run.probability, run.start / steps, run.end / steps)
        for run in runs
    )
    return Reading(*_text(runs, characters), found)


@dataclass(slots=True)
class _Run:
    """Steps from start to before end whose likeliest class is index; how likely at the first."""

    index: int
    start: int
    end: int
    probability: float


def _runs(steps: FloatArray) -> list[_Run]:
    """The runs of steps (steps, classes) that are no blanks.

    Each look at all classes reads 75 KB. Most steps are blanks with more than half of the
    probability, and many others say what the step before said, with more than half again.
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


def _text(runs: Sequence[_Run], characters: Sequence[str]) -> tuple[str, float]:
    if not runs:
        return "", 0.0
    text = "".join([characters[run.index - 1] for run in runs])
    return text, fmean([run.probability for run in runs])
