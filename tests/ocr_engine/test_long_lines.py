"""Lines that are wider than the model takes, read in overlapping pieces."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import plain_images
from ocr_engine.images.decode import DecodedImage
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import Granularity, RecognitionOptions
from ocr_engine.recognizer import EngineSettings, load_recognizer
from ocr_engine.stages.crops import Crops
from ocr_engine.stages.long_lines import OVERLAP, Pieces, cut, is_long
from ocr_engine.stages.recognition import Character, Reading

HEIGHT, LONGEST = 10, 66.0
STEP = 5  # columns of a character in made readings


def crops_of(*widths: int) -> Crops:
    return Crops(
        [(HEIGHT, width) for width in widths],
        lambda number: np.tile(np.arange(widths[number]) % 251, (HEIGHT, 1)).astype(np.uint8),
    )


def read(pieces: Pieces, text: str, shift: float = 0.0, confidence: float = 0.9) -> list[Reading]:
    """The readings of pieces of a line in which each character takes STEP columns.

    shift: columns by which every other piece sees its characters further to the right.
    """
    readings = []
    for number, (start, end) in enumerate(pieces.spans[0]):
        width = end - start
        off = shift * (number % 2)
        inside = [
            Character(
                char,
                confidence,
                (STEP * place - start + off) / width,
                (STEP * place + STEP - start + off) / width,
            )
            for place, char in enumerate(text)
            if start <= STEP * place and STEP * place + STEP <= end
        ]
        found = "".join(character.text for character in inside)
        readings.append(Reading(found, confidence, tuple(inside)))
    return readings


def text_of(length: int) -> str:
    """A text whose parts can be told apart, but with few different characters."""
    return "".join("abcd"[(n * n + n // 7) % 4] for n in range(length))


@pytest.mark.parametrize("width", [661, 900, 1300, 2000, 12_345])
def test_pieces_cover_the_line_and_overlap(width: int) -> None:
    pieces = cut(crops_of(width), LONGEST)
    (spans,) = pieces.spans
    assert (spans[0][0], spans[-1][1]) == (0, width)
    for number, (start, end) in enumerate(spans):
        assert end - start <= LONGEST * HEIGHT
        assert pieces.crops.shapes[number] == (HEIGHT, end - start)
        assert pieces.crops[number][0, 0] == start % 251
    for (_, end), (start, _) in pairwise(spans):
        assert end - start == pytest.approx(OVERLAP * HEIGHT, abs=1)


def test_other_lines_stay_as_they_are() -> None:
    assert not is_long((HEIGHT, 660), LONGEST)
    pieces = cut(crops_of(660, 1300, 20), LONGEST)
    assert [len(spans) for spans in pieces.spans] == [1, 3, 1]
    readings = [Reading(str(number), 0.5) for number in range(5)]
    joined = pieces.join(readings)
    assert (joined[0], joined[2]) == (readings[0], readings[4])


@pytest.mark.parametrize("shift", [0.0, 3.0, -4.0])
def test_pieces_are_joined_to_the_whole_text(shift: float) -> None:
    text = text_of(400)
    pieces = cut(crops_of(400 * STEP), LONGEST)
    (line,) = pieces.join(read(pieces, text, shift))
    assert line.text == text
    assert line.confidence == pytest.approx(0.9)
    assert len(line.characters) == 400
    for place, character in enumerate(line.characters):
        assert character.start * 400 == pytest.approx(place, abs=1)
        assert character.end * 400 == pytest.approx(place + 1, abs=1)


@pytest.mark.parametrize("text", ["1" * 400, "10" * 200, "...   " * 66])
def test_repeated_characters_are_neither_lost_nor_doubled(text: str) -> None:
    pieces = cut(crops_of(len(text) * STEP), LONGEST)
    (line,) = pieces.join(read(pieces, text, shift=2.0))
    assert line.text == text


def test_a_character_cut_by_the_edge_of_a_piece_is_taken_from_the_other() -> None:
    text = text_of(200)
    pieces = cut(crops_of(200 * STEP), LONGEST)
    first, second = read(pieces, text)
    wrong_end = Character("X", 0.3, 0.99, 1.0)
    wrong_start = Character("Y", 0.3, 0.0, 0.01)
    first = first._replace(characters=(*first.characters[:-1], wrong_end))
    second = second._replace(characters=(wrong_start, *second.characters[1:]))
    (line,) = pieces.join([first, second])
    assert line.text == text


def test_pieces_without_a_common_text_are_cut_in_the_middle_of_the_overlap() -> None:
    pieces = cut(crops_of(200 * STEP), LONGEST)
    left, _ = read(pieces, "a" * 200)
    _, right = read(pieces, "b" * 200)
    (line,) = pieces.join([left, right])
    assert line.text == "a" * 100 + "b" * 100
    (line,) = pieces.join([Reading("", 0.0), right])
    assert line.text == "b" * 100
    assert pieces.join([Reading("", 0.0), Reading("", 0.0)]) == [Reading("", 0.0)]


# --- with real weights

WORDS = "every morning the postman rode along the river with letters for the villages beyond"
LONG = " ".join(f"{number} {WORDS}" for number in range(4))


@pytest.mark.parametrize("granularity", ["line", "word"])
@pytest.mark.parametrize("angle", [0, 180])
def test_a_line_of_hundreds_of_letters(granularity: Granularity, angle: int) -> None:
    assert len(LONG) > 330
    image = plain_images.drawn(LONG, (15 * len(LONG), 60)).convert("RGB").rotate(angle)
    settings = EngineSettings("openvino", catalogue_set("PP-OCRv6_small"), precision="f32")
    options = RecognitionOptions(granularity=granularity)
    result = load_recognizer(settings).recognize(DecodedImage(np.array(image)), options).result
    (line,) = result.lines
    assert line.text == LONG
    assert line.confidence > 0.95
    assert result.pages[0].angle == angle
    if granularity == "word":
        assert line.words is not None
        assert [word.text for word in line.words] == LONG.split()
        lefts = [word.box[0][0] for word in line.words]
        assert lefts == sorted(lefts, reverse=angle == 180)
