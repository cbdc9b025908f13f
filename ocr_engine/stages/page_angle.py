"""Decides how a page lies, from the shapes of its boxes and from some of its lines.

A page that lies on its side has mostly vertical boxes. Its longest lines are then read both ways,
and their letters decide: upwards, downwards, or written in vertical columns. A page of horizontal
boxes is upside down only if most of it reads badly, and its longest lines read well when rotated.
Digits never decide (decisions/0041).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.options import RecognitionOptions
from ocr_engine.stages.crops import CropShape
from ocr_engine.stages.orientation import READS_WELL, TURNABLE, reads_upright
from ocr_engine.stages.recognition import Reading

SAMPLE = 6  # lines that are read both ways
TELLING_LETTERS = 2  # in a line, for it to count
CLEARLY = 4  # times as much evidence as against it
LONG_ENOUGH = 20.0  # length to height of a line with more letters than a sample needs
READS_BADLY = 0.9  # confidence below which a line may be upside down
SHORT_RATIO = 1.5  # length to height below which a crop does not show its direction
UNCLEAR = 0.2  # confidence by which a column's characters may read worse upright than sideways
COLUMN_CHARACTERS = 8  # of a line, read upright to tell whether it is a vertical column


def is_off(options: RecognitionOptions) -> bool:
    """Whether the page is read as it lies."""
    auto = options.orientation == "auto"
    return options.orientation == "off" or (auto and not options.use_angle_cls)


def given(options: RecognitionOptions) -> int | None:
    """The angle that the options set, 0 if it is off; None if the lines decide."""
    if is_off(options):
        return 0
    return None if options.orientation == "auto" else int(options.orientation)


def rotate(pixels: ImageArray, angle: int) -> ImageArray:
    """(H, W, 3) rotated clockwise by 0, 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -angle // 90)) if angle else pixels


def mostly_steep(shapes: Sequence[CropShape], steep: Sequence[bool]) -> bool:
    """Whether the lines that run up or down are longer, in total, than the other lines.

    The length of a line is measured in its heights. Crops that are nearly square do not count.
    """
    lengths = {False: 0.0, True: 0.0}
    for (height, width), is_steep in zip(shapes, steep, strict=True):
        if width >= SHORT_RATIO * height:
            lengths[is_steep] += width / height
    return lengths[True] > lengths[False]


def sample_of(shapes: Sequence[CropShape], numbers: Sequence[int]) -> list[int]:
    """At most SAMPLE of these crops: the shortest that are LONG_ENOUGH, then the longest others."""
    ratio = {number: shapes[number][1] / shapes[number][0] for number in numbers}
    return sorted(
        numbers, key=lambda number: (-min(ratio[number], LONG_ENOUGH), ratio[number], number)
    )[:SAMPLE]


def letters(reading: Reading) -> int:
    """The letters that show which way is up, if the line reads well and has some; 0 otherwise."""
    if reading.confidence < READS_WELL:
        return 0
    count = sum(char not in TURNABLE and _is_letter(char) for char in reading.text)
    return count if count >= TELLING_LETTERS else 0


def balance(pairs: Sequence[tuple[Reading, Reading]]) -> tuple[int, int]:
    """The letters for "as it lies" and for "rotated by 180 degrees" in readings of both kinds.

    Of each line only the more confident reading counts.
    """
    upright = turned = 0
    for as_it_lies, rotated in pairs:
        if rotated.confidence > as_it_lies.confidence:
            turned += letters(rotated)
        else:
            upright += letters(as_it_lies)
    return upright, turned


def in_doubt(shapes: Sequence[CropShape], readings: Sequence[Reading]) -> list[int]:
    """The lines to be read rotated because most of the page reads badly; otherwise none.

    Lines count by their length, relative to their height.
    """
    sure = unsure = 0.0
    doubtful = []
    for number, ((height, width), reading) in enumerate(zip(shapes, readings, strict=True)):
        if reads_upright(reading):
            sure += width / height
        elif reading.confidence < READS_BADLY:
            unsure += width / height
            doubtful.append(number)
    return sample_of(shapes, doubtful) if unsure > sure else []


def is_upside_down(readings: Sequence[Reading], turned: Mapping[int, Reading]) -> bool:
    """Whether the page is upside down, given the rotated readings of the lines in doubt."""
    pairs = [(readings[number], reading) for number, reading in turned.items()]
    upright, upside_down = balance(pairs)
    others = sum(letters(reading) for n, reading in enumerate(readings) if n not in turned)
    return clear(upside_down, upright + others)


def clear(evidence: int, against: int) -> bool:
    """Whether this many letters decide, although so many letters are against it."""
    return evidence >= max(TELLING_LETTERS, CLEARLY * against)


def readable(readings: Sequence[Reading]) -> int:
    """The number of characters in lines that read well; a page on its side has few of them."""
    return sum(
        len(reading.text)
        for reading in readings
        if reading.confidence >= READS_WELL and len(reading.text) > 1
    )


def is_ideographic(text: str) -> bool:
    """Whether most letters of the text may be written below each other."""
    found = [char for char in text if _is_letter(char)]
    return 2 * sum(unicodedata.east_asian_width(char) == "W" for char in found) > len(found)


def set_level(crop: ImageArray, reading: Reading) -> ImageArray:
    """The first characters of a column, upright and side by side; its crop has them rotated."""
    height, width = crop.shape[:2]
    tiles = []
    for character in reading.characters[:COLUMN_CHARACTERS]:
        middle = min((character.start + character.end) / 2, 1.0) * width
        left = int(np.clip(middle - height / 2, 0, max(width - height, 0)))
        tile = np.rot90(crop[:, left : left + height], -1)
        tiles.append(cv2.resize(np.ascontiguousarray(tile), (height, height)))
    return np.concatenate(tiles, axis=1).astype(np.uint8, copy=False)


def _is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L")
