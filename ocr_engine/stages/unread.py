"""Finds lines that the recognition model cannot read, such as those in a script it does not know.

Where it does not know the letters, a CTC model gives blanks, with spaces between the words; or
characters none of which it is sure of; or letters that it knows as symbols only
(docs/decisions/0045). Pixels are looked at only if a reading has a wide gap.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from statistics import median

import cv2
import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.models.languages import letters_without_language
from ocr_engine.stages.crops import Crops
from ocr_engine.stages.recognition import Reading

WIDE_GAP = 2.5  # heights of the line; wider than the space between words, or a letter
UNSURE = 0.5  # confidence of most characters of a line that is not read but guessed
DOUBTFUL = 0.9  # confidence below which a line is as its page, if most of that is not read
GUESSED_PAGE = 0.85  # confidence of most characters of most lines; 1.0 on readable pages
SEVERAL = 3  # lines that show how the others of their page are read
WELL_READ = 0.75  # confidence of most characters of what was read of a line
MOST_CONFIDENCE = 0.3  # of a line without text
FEW = 4  # characters, in which fewer unsure ones may be a blurred number
STRANGE_SHARE = 0.5  # of the letters
# Of a piece of ink that may be letters, relative to the height of the line.
LEAST_HEIGHT, MOST_HEIGHT = 0.25, 0.95
SOLID = 0.85  # share of its box that a bar fills, and no letter that is wider than high
LETTERS_SHARE = 0.35  # of the width of a gap, from which the ink in it is text
LEAST_CONTRAST = 40  # of 255 levels
INK = 0.5  # of the strongest contrast of the line

# Neither Latin nor Chinese nor Japanese.
_OTHER_LETTERS = re.compile("[\u0370-\u1dff\u2d00-\u2d7f\ua4d0-\ua7ff\ua840-\ud7ff\ufb13-\ufdff]")


def checked(readings: Sequence[Reading], crops: Crops, known: tuple[str, ...]) -> Sequence[Reading]:
    """The readings of a page's crops; of those that were not read, without what was guessed.

    Lines that are read without confidence are guesses, too, if most of their page is not read.
    known: the characters that the model knows.
    """
    found = [_checked(reading, crops, number, known) for number, reading in enumerate(readings)]
    if not _is_unread_page(found):
        return found
    return [
        reading
        if reading.unread or reading.confidence >= DOUBTFUL
        else _nothing(reading.confidence)
        for reading in found
    ]


def _is_unread_page(readings: Sequence[Reading]) -> bool:
    """Whether nothing was read of at least half of the lines, or most others are guesses."""
    unread = sum(reading.unread and not reading.text for reading in readings)
    if unread and 2 * unread >= len(readings):
        return True
    typical = [
        reading.typical
        for reading in readings
        if reading.text and len(reading.text.replace(" ", "")) >= FEW
    ]
    return len(typical) >= SEVERAL and median(typical) < GUESSED_PAGE


def _checked(reading: Reading, crops: Crops, number: int, known: tuple[str, ...]) -> Reading:
    if _is_guessed(reading) or _is_strange(reading.text, known):
        return _nothing(reading.confidence)
    height, width = crops.shapes[number]
    start, end = reading.gap
    if (end - start) * width < WIDE_GAP * height and reading.text.strip():
        return reading
    if reading.turned:
        start, end = 1 - end, 1 - start
    if not has_letters(crops[number], start, end):
        return reading
    confidence = reading.confidence * (1 - (end - start))
    if reading.typical < WELL_READ or not any(map(str.isalnum, reading.text)):
        return _nothing(confidence)
    text = " ".join(reading.text.split())
    return reading._replace(text=text, confidence=confidence, unread=True)


def has_letters(crop: ImageArray, start: float, end: float) -> bool:
    """Whether there is text between two fractions of the width of a crop, judged by its ink."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    contrast = cv2.absdiff(grey, np.full_like(grey, int(np.median(grey))))
    strongest = float(np.percentile(contrast, 99))
    if strongest < LEAST_CONTRAST:
        return False
    height, width = grey.shape
    left, right = int(start * width), max(int(end * width), int(start * width) + 1)
    ink = (contrast[:, left:right] > INK * strongest).astype(np.uint8)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    widths = [piece[cv2.CC_STAT_WIDTH] for piece in pieces[1:] if _may_be_letters(piece, height)]
    return len(widths) > 1 and sum(widths) >= LETTERS_SHARE * (right - left)


def _may_be_letters(piece: Sequence[int], height: int) -> bool:
    """Whether a piece of ink, as OpenCV describes it, is no rule, edge or speck."""
    own_height, own_width = piece[cv2.CC_STAT_HEIGHT], piece[cv2.CC_STAT_WIDTH]
    filled = piece[cv2.CC_STAT_AREA] / (own_height * own_width)
    is_bar = own_width > own_height and filled > SOLID
    return LEAST_HEIGHT * height <= own_height <= MOST_HEIGHT * height and not is_bar


def _is_guessed(reading: Reading) -> bool:
    return reading.typical < UNSURE and len("".join(reading.text.split())) >= FEW


def _is_strange(text: str, known: tuple[str, ...]) -> bool:
    """Whether the text is of letters in whose script no language can be read.

    A few of them count only if a word has others, too: letters that look alike are taken for Latin
    ones. So formulas are readable.
    """
    if _OTHER_LETTERS.search(text) is None:
        return False
    strange = letters_without_language(known)
    found = sum(character in strange for character in text)
    if found >= FEW and found >= STRANGE_SHARE * sum(map(str.isalpha, text)):
        return True
    return found > 1 and any(_is_mixed(word, strange) for word in text.split())


def _is_mixed(word: str, strange: Collection[str]) -> bool:
    letters = [character for character in word if character.isalpha()]
    return 1 < sum(letter in strange for letter in letters) < len(letters)


def _nothing(confidence: float) -> Reading:
    """Of a line that is not read, or not at all as it was read."""
    return Reading("", min(confidence, MOST_CONFIDENCE), unread=True)
