"""How a page lies: which lines are read both ways, and what their letters decide."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_engine.geometry import as_quad, rotated
from ocr_engine.options import RecognitionOptions
from ocr_engine.stages import page_angle
from ocr_engine.stages.recognition import Character, Reading

GOOD, BAD = 0.99, 0.7


@pytest.mark.parametrize(
    ("options", "angle", "off"),
    [
        (RecognitionOptions(), None, False),
        (RecognitionOptions(use_angle_cls=False), 0, True),
        (RecognitionOptions(orientation="off"), 0, True),
        (RecognitionOptions(orientation="0"), 0, False),
        (RecognitionOptions(orientation="270", use_angle_cls=False), 270, False),
    ],
)
def test_what_the_options_say(options: RecognitionOptions, angle: int | None, off: bool) -> None:
    assert page_angle.given(options) == angle
    assert page_angle.is_off(options) is off


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_boxes_are_rotated_like_pixels(angle: int) -> None:
    height, width = 40, 100
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[5:15, 20:60] = 255
    box = as_quad([(20, 5), (60, 5), (60, 15), (20, 15)])
    turned = page_angle.rotate(pixels, angle)
    (left, top), _, (right, bottom), _ = rotated(box, angle, width, height)
    assert turned[top:bottom, left:right].min() == 255
    assert (turned > 0).sum() == 3 * (right - left) * (bottom - top)
    size = turned.shape[1], turned.shape[0]
    assert rotated(rotated(box, angle, width, height), -angle % 360, *size) == box


def test_corners_of_a_rotated_slanted_box_run_clockwise_from_the_top_left() -> None:
    box = as_quad([(10, 20), (90, 10), (92, 22), (12, 32)])
    assert rotated(box, 90, 100, 50) == ((18, 12), (30, 10), (40, 90), (28, 92))


@pytest.mark.parametrize(
    ("lengths", "steep", "expected"),
    [
        ([300, 300], [True, True], True),
        ([300, 200], [True, False], True),
        ([300, 310], [True, False], False),
        ([300, 110, 110, 110], [True, False, False, False], True),  # nearly square ones
        ([140, 140], [True, True], False),
        ([], [], False),
    ],
)
def test_a_page_lies_on_its_side_by_the_length_of_its_lines(
    lengths: list[int], steep: list[bool], expected: bool
) -> None:
    assert page_angle.mostly_steep([(100, length) for length in lengths], steep) is expected


@pytest.mark.parametrize(
    ("text", "confidence", "count"),
    [
        ("cat", GOOD, 3),
        ("cat", 0.94, 0),  # reads badly
        ("wood poom", GOOD, 0),  # all turnable
        ("key 7", GOOD, 3),
        ("a 90", GOOD, 0),  # one letter is too few
        ("3,447.34", GOOD, 0),  # digits tell, but do not turn a page
        ("价格 3447", GOOD, 2),
    ],
)
def test_only_letters_count(text: str, confidence: float, count: int) -> None:
    assert page_angle.letters(Reading(text, confidence)) == count


def test_of_two_readings_the_more_confident_one_counts() -> None:
    pairs = [
        (Reading("cat", 0.96), Reading("tree", 0.99)),
        (Reading("cat", 0.99), Reading("tree", 0.98)),
        (Reading("vr", BAD), Reading("street", 0.97)),
        (Reading("vr", BAD), Reading("street", 0.94)),  # reads badly both ways
    ]
    assert page_angle.balance(pairs) == (3, 9)


@pytest.mark.parametrize(
    ("evidence", "against", "clear"),
    [(2, 0, True), (1, 0, False), (4, 1, True), (7, 2, False), (8, 2, True), (0, 0, False)],
)
def test_letters_must_be_clear(evidence: int, against: int, clear: bool) -> None:
    assert page_angle.clear(evidence, against) is clear


def test_only_a_page_that_reads_badly_is_in_doubt() -> None:
    shapes = [(20, 200), (20, 200), (20, 100)]
    well = [Reading("a line of text", GOOD)] * 3
    assert page_angle.in_doubt(shapes, well) == []
    half = [Reading("x", BAD), Reading("a line of text", GOOD), Reading("98", GOOD)]
    assert page_angle.in_doubt(shapes, half) == []  # the number does not count
    assert page_angle.in_doubt(shapes, [half[0], half[2], half[1]]) == [0]
    assert page_angle.in_doubt(shapes, [half[0], half[0], half[1]]) == [0, 1]
    fair = [Reading("a line of text", 0.91)] * 3
    assert page_angle.in_doubt(shapes, fair) == []


def test_a_sample_has_long_lines_but_no_longer_ones_than_needed() -> None:
    lengths = [300, 5000, 400, 2500, 2100, 1000, 1900, 800, 700]
    shapes = [(100, length) for length in lengths]
    assert page_angle.sample_of(shapes, range(9)) == [4, 3, 1, 6, 5, 7]
    assert page_angle.sample_of(shapes, [0, 2]) == [2, 0]


def test_a_page_is_upside_down_if_other_lines_do_not_say_otherwise() -> None:
    readings = [Reading("T vr", BAD), Reading("98", GOOD), Reading("cat", GOOD)]
    assert page_angle.is_upside_down(readings[:2], {0: Reading("street", GOOD)})
    assert not page_angle.is_upside_down(readings, {0: Reading("street", GOOD)})  # 6 against 3
    assert page_angle.is_upside_down(readings, {0: Reading("the street", GOOD)}) is False
    assert page_angle.is_upside_down(readings, {0: Reading("every street here", GOOD)})
    assert not page_angle.is_upside_down(readings[:2], {0: Reading("3,447.34", GOOD)})


def test_the_characters_of_a_column_are_set_upright_side_by_side() -> None:
    column = np.zeros((90, 30, 3), dtype=np.uint8)
    for number in range(3):
        column[30 * number : 30 * number + 10] = 80 * (number + 1)  # the upper third is bright
    crop = np.ascontiguousarray(np.rot90(column))
    characters = tuple(Character("字", GOOD, n / 3, (n + 1) / 3) for n in range(3))
    level = page_angle.set_level(crop, Reading("字字字", GOOD, characters))
    assert level.shape == (30, 90, 3)
    for number in range(3):
        tile = level[:, 30 * number : 30 * number + 30]
        assert (tile[:10] == 80 * (number + 1)).all()
        assert (tile[10:] == 0).all()


def test_which_texts_may_be_written_in_columns() -> None:
    assert page_angle.is_ideographic("第98页")
    assert page_angle.is_ideographic("カタカナ")
    assert not page_angle.is_ideographic("page 98 页")
    assert not page_angle.is_ideographic("98")
