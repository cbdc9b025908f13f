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


def preprocess(strip: ImageArray, height: int = 48, base_width: int = 320) -> FloatArray:
    """A strip (H, W, 3) uint8 as (1, 3, height, bucket) float32.

    The ratio is kept up to MAX_WIDTH; the width is padded up to a multiple of WIDTH_BUCKET. A
    line is alone in its tensor, so that its text does not depend on its neighbours.
    """
    needed = height * strip.shape[1] / strip.shape[0]
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
