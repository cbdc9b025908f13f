"""Words and characters of what PaddleOCR's pipeline has found with return_word_box.

It tells where each run of letters or digits and each Chinese character is, but only how sure it
is of the line: that is the confidence of all its parts here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ocr_engine.images.decode import ImageArray
from ocr_engine.options import Granularity
from ocr_engine.result import Line
from ocr_engine.stages.cropping import crop_region, cut_out
from ocr_engine.stages.recognition import Character, Reading
from ocr_engine.stages.word_boxes import text_line

Corners = npt.NDArray[np.number[Any]]


def lines_with_parts(
    found: Mapping[str, Any], pixels: ImageArray, granularity: Granularity
) -> Iterator[Line]:
    """The lines of PaddleOCR's answer for one image, with their words or characters."""
    names = ("rec_texts", "rec_scores", "rec_polys", "text_word", "text_word_region")
    for text, score, corners, words, places in zip(*(found[name] for name in names), strict=True):
        box = np.asarray(corners).astype(np.int32)
        place = crop_region(box)
        if text and place is not None:
            crop = cut_out(pixels, place)
            characters = tuple(_characters(text, float(score), box, words, places))
            yield text_line(Reading(text, float(score), characters), box, crop, granularity)


def _characters(
    text: str, score: float, box: Corners, words: Sequence[str], places: Sequence[Any]
) -> Iterator[Character]:
    """The characters of a line, each with an even share of the box that PaddleOCR gave its run."""
    along = int(_is_vertical(box))
    low, high = float(box[0][along]), float(box[1 + along][along])
    extents = [_extent(np.asarray(place, dtype=np.float64)[:, along]) for place in places]
    if "".join(words) != text or len(words) != len(extents) or high <= low:
        words, extents, low, high = [text], [(0.0, 1.0)], 0.0, 1.0
    for word, (start, end) in zip(words, extents, strict=True):
        share = (end - start) / len(word) if word else 0.0
        for number, character in enumerate(word):
            first = (start + number * share - low) / (high - low)
            yield Character(character, score, first, first + share / (high - low))


def _extent(coordinates: Corners) -> tuple[float, float]:
    return float(coordinates.min()), float(coordinates.max())


def _is_vertical(box: Corners) -> bool:
    """Whether PaddleOCR counts the line as vertical, and divides its height."""
    width, height = box.max(axis=0) - box.min(axis=0)
    return bool(height > 1.5 * width)
