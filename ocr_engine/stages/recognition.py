"""Recognition: a strip's text. Pre- and post-processing of a CTC model.

CTC: Graves et al., "Connectionist Temporal Classification", ICML 2006; decoded greedily.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ocr_engine.images import ImageArray
from ocr_engine.stages.detection import FloatArray
from ocr_engine.stages.strips import strip_tensor

BLANK = 0
WIDTH_BUCKET = 64
MAX_WIDTH = 3200
COMMON_WIDTHS = range(WIDTH_BUCKET, 8 * WIDTH_BUCKET + 1, WIDTH_BUCKET)
SURE = 0.97  # a line read with less is read at its full width, too
UPRIGHT_CONFIDENCE = 0.95
UPRIGHT_CHARACTERS = 2
TURNABLE = frozenset(
    " 01689BHINOQSWXZMbdilmnopqsuwxz|Il-_=+~*%/\\()[]<>.,:;'\"!?·…—“”‘’、。，"
    "一二三十中日田口目王回工米申由甲吕串品旦"
)


def preprocess(
    strip: ImageArray, height: int = 48, base_width: int = 320, squeeze: float = 1.0
) -> FloatArray:
    """A strip (H, W, 3) uint8 as (1, 3, height, bucket) float32.

    The ratio, times squeeze, is kept up to MAX_WIDTH; the width is padded up to a multiple of
    WIDTH_BUCKET. A line is alone in its tensor, so that its text does not depend on its neighbours.
    """
    needed = height * strip.shape[1] / strip.shape[0] * squeeze
    width = math.ceil(needed) if needed <= base_width else min(int(needed), MAX_WIDTH)
    padded = math.ceil(width / WIDTH_BUCKET) * WIDTH_BUCKET
    return strip_tensor(strip, height, width, padded)


def decode(probabilities: FloatArray, characters: Sequence[str]) -> tuple[str, float]:
    """The likeliest text of (1, steps, classes) float32 and the mean probability of its letters.

    Repeated classes are merged and blanks (class 0) dropped. characters[i] is class i + 1.
    """
    classes = probabilities[0].argmax(axis=1)
    kept = classes != BLANK
    kept[1:] &= classes[1:] != classes[:-1]
    steps = np.flatnonzero(kept)
    if steps.size == 0:
        return "", 0.0
    text = "".join(characters[index - 1] for index in classes[steps])
    return text, float(probabilities[0, steps, classes[steps]].mean())


def reads_upright(text: str, confidence: float) -> bool:
    """Whether a line reads so well that it cannot stand on its head.

    A line that does is read as little, or as something unlikely; but some characters are
    themselves or others when turned.
    """
    return (
        confidence >= UPRIGHT_CONFIDENCE
        and sum(character not in TURNABLE for character in text) >= UPRIGHT_CHARACTERS
    )
