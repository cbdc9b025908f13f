"""Reading order: rows from the top, from left to right, even on a rotated page."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from ocr_engine.stages.detection import QuadArray
from ocr_engine.stages.reading_order import column_order, page_skew, reading_order


def box(left: float, top: float, width: float, height: float) -> QuadArray:
    right, bottom = left + width, top + height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array(np.rint(corners), dtype=np.int32)


def turned(quad: QuadArray, degrees: float) -> QuadArray:
    """The box rotated clockwise (on the screen) around (400, 300)."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    away = quad - np.array((400, 300))
    x, y = away[:, 0], away[:, 1]
    corners = np.stack((400 + x * cos - y * sin, 300 + x * sin + y * cos), axis=1)
    return np.array(np.rint(corners), dtype=np.int32)


def page(rows: int, pitch: int) -> list[QuadArray]:
    """Rows with a label (200 x 20) on the left and a price (70 x 20) far on the right."""
    return [
        quad
        for row in range(rows)
        for quad in (box(50, 60 + pitch * row, 200, 20), box(680, 60 + pitch * row, 70, 20))
    ]


def shuffled_order(boxes: list[QuadArray], seed: int) -> list[int]:
    """The reading order of the shuffled boxes, as indices into the original list."""
    places = list(range(len(boxes)))
    random.Random(seed).shuffle(places)
    return [places[index] for index in reading_order([boxes[place] for place in places])]


def test_no_boxes() -> None:
    assert reading_order([]) == []


def test_one_box() -> None:
    assert reading_order([box(10, 10, 50, 20)]) == [0]


def test_lines_from_the_top() -> None:
    boxes = [box(10, 90, 300, 20), box(10, 10, 300, 20), box(10, 50, 300, 20)]
    assert reading_order(boxes) == [1, 2, 0]


def test_two_columns_on_a_row_are_read_from_the_left() -> None:
    # the price is 3 pixels higher than its label
    boxes = [box(500, 10, 60, 20), box(10, 13, 200, 20), box(10, 50, 200, 20), box(500, 47, 60, 20)]
    assert reading_order(boxes) == [1, 0, 2, 3]


@pytest.mark.parametrize("apart", [9, 11])
def test_a_row_ends_at_half_the_height(apart: int) -> None:
    boxes = [box(500, 10, 100, 20), box(10, 10 + apart, 100, 20)]
    assert reading_order(boxes) == ([1, 0] if apart < 10 else [0, 1])


@pytest.mark.parametrize("degrees", [-8, -3, -1, 0, 1, 3, 8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_turned_page_keeps_its_rows(degrees: float, seed: int) -> None:
    # at 3 degrees the price lies 33 pixels below or above its label: more than a row
    boxes = [turned(quad, degrees) for quad in page(rows=12, pitch=30)]
    assert shuffled_order(boxes, seed) == list(range(24))


@pytest.mark.parametrize("seed", [4, 5])
def test_vertical_crops_are_read_from_left_to_right(seed: int) -> None:
    crops = [box(60 + 150 * index, top, 60, 300) for index, top in enumerate((60, 50, 66, 55))]
    assert shuffled_order(crops, seed) == [0, 1, 2, 3]


def test_different_heights_in_a_row() -> None:
    # a large total (height 60, middle 50) and small print next to it (height 16)
    large = box(10, 20, 200, 60)
    same_row, next_row = box(600, 49, 80, 16), box(300, 56, 80, 16)  # middles 57 and 64
    assert reading_order([next_row, same_row, large]) == [2, 1, 0]
    assert reading_order([large, same_row, next_row]) == [0, 1, 2]


def test_a_tall_heading_does_not_swallow_the_line_under_it() -> None:
    boxes = [box(300, 66, 300, 18), box(10, 10, 400, 60), box(10, 90, 300, 18)]
    assert reading_order(boxes) == [1, 0, 2]


def test_every_box_comes_exactly_once() -> None:
    generator = np.random.default_rng(4)
    boxes = [
        box(*generator.integers(0, 800, 2), *generator.integers(5, 200, 2)) for _ in range(200)
    ]
    assert sorted(reading_order(boxes)) == list(range(200))


def test_skew_is_the_median_of_the_long_boxes() -> None:
    slopes = [turned(box(100, 100 * row, 400, 20), angle) for row, angle in enumerate((1, 3, 15))]
    upright = [box(10, 10, 20, 300), box(10, 10, 40, 20)]  # not three times as wide as high
    corners = np.array([*upright, *slopes], dtype=np.float64)
    assert math.degrees(page_skew(corners)) == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize(("degrees", "expected"), [(19, 19), (-19, -19), (21, 0), (-21, 0)])
def test_a_strongly_rotated_page_is_not_straightened(degrees: int, expected: int) -> None:
    corners = np.array([turned(box(100, 100, 500, 20), degrees)], dtype=np.float64)
    assert math.degrees(page_skew(corners)) == pytest.approx(expected, abs=0.15)


def test_no_skew_without_long_boxes() -> None:
    assert page_skew(np.array([turned(box(10, 10, 50, 20), 5)], dtype=np.float64)) == 0.0


def cells(rows: int) -> list[QuadArray]:
    """Rows of five short numbers, none of which is three times as wide as high."""
    return [
        box(60 + 150 * column, 60 + 40 * row, 44, 20) for row in range(rows) for column in range(5)
    ]


@pytest.mark.parametrize("degrees", [-8, -3, 0, 3, 8])
def test_a_turned_table_of_short_numbers_keeps_its_rows(degrees: float) -> None:
    boxes = [turned(quad, degrees) for quad in cells(12)]
    assert shuffled_order(boxes, 6) == list(range(60))


@pytest.mark.parametrize(
    ("count", "degrees", "known"), [(5, 4, True), (4, 4, False), (5, 0.9, False)]
)
def test_the_skew_of_few_or_level_short_boxes_is_unknown(
    count: int, degrees: float, known: bool
) -> None:
    quads = np.array([turned(box(60, 60 + 400 * n, 440, 200), degrees) for n in range(count)])
    skew = page_skew(quads.astype(np.float64))
    assert skew == pytest.approx(math.radians(degrees) if known else 0.0, abs=0.01)
    assert (skew != 0) is known


# --- vertical columns


@pytest.mark.parametrize("degrees", [-6, 0, 6])
def test_columns_are_read_from_the_right(degrees: float) -> None:
    lengths = (300, 300, 180, 260)
    columns = [
        turned(box(600 - 90 * number, 100 + 4 * (number % 2), 30, length), degrees)
        for number, length in enumerate(lengths)
    ]
    assert column_order(columns, [True] * 4) == [0, 1, 2, 3]
    assert column_order(columns[::-1], [True] * 4) == [3, 2, 1, 0]


def test_a_title_above_columns_comes_first_and_a_note_below_last() -> None:
    boxes = [
        box(300, 500, 200, 20),
        box(200, 100, 30, 300),
        box(500, 100, 30, 300),
        box(200, 30, 200, 30),
        box(450, 30, 100, 30),
    ]
    steep = [False, True, True, False, False]
    assert column_order(boxes, steep) == [3, 4, 2, 1, 0]
