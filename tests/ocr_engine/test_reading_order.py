"""Reading order: rows from the top, from left to right, even on a rotated page."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from ocr_engine.stages.detection import QuadArray
from ocr_engine.stages.reading_order import page_skew, reading_order


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
