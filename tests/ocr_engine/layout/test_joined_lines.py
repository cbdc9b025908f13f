"""Boxes in which detection has joined the lines of two columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.layout.joined_lines import divided
from ocr_engine.stages.cropping import crop_region, cut_out
from ocr_engine.stages.detection import ScoredBox

PITCH, HIGH = 36, 28  # of the rows, and of their boxes
LETTER = 12  # pixels wide, with 4 pixels to the next one
COLUMNS = ((40, 360), (396, 716), (752, 1072))
ROWS = 8

Edges = tuple[int, int]  # left and right
Row = Sequence[Edges]


def two_columns(joined: Iterable[int] = (), columns: int = 2) -> list[Row]:
    """Rows with a line in each column, or with one over all of them."""
    rows: list[Row] = [COLUMNS[:columns]] * ROWS
    for row in joined:
        rows[row] = [(40, COLUMNS[columns - 1][1])]
    return rows


def boxes_of(rows: Sequence[Row], height: int = HIGH) -> list[FloatArray]:
    return [
        np.array(
            ((left, top), (right, top), (right, top + height), (left, top + height)),
            dtype=np.float32,
        )
        for top, row in ((50 + PITCH * number, row) for number, row in enumerate(rows))
        for left, right in row
    ]


def drawn(rows: Sequence[Row]) -> ImageArray:
    """An image with a row of letters in each of these places."""
    pixels = np.full((420, 1120, 3), 250, dtype=np.uint8)
    for number, row in enumerate(rows):
        top = 50 + PITCH * number
        for left, right in row:
            for letter in range(left + 4, right - LETTER, LETTER + 4):
                pixels[top + 5 : top + 23 : 3, letter : letter + LETTER] = 20
    return pixels


def parts_of(boxes: Iterable[FloatArray], pixels: ImageArray) -> list[FloatArray]:
    return [box.corners for box in divided([ScoredBox(box, 1.0) for box in boxes], pixels)]


def edges(boxes: Iterable[FloatArray]) -> list[Edges]:
    return [(round(float(box[0, 0])), round(float(box[1, 0]))) for box in boxes]


def test_boxes_of_columns_stay_as_they_are() -> None:
    boxes = boxes_of(two_columns())
    found = parts_of(boxes, drawn(two_columns()))
    assert all(box is same for box, same in zip(found, boxes, strict=True))


@pytest.mark.parametrize("joined", [[4], [0], [7], [3, 4, 5], [2, 5]])
def test_a_box_over_two_columns_is_divided_in_the_gutter(joined: list[int]) -> None:
    found = parts_of(boxes_of(two_columns(joined)), drawn(two_columns()))
    assert len(found) == 2 * ROWS
    for (left, end), (begin, right) in zip(edges(found)[::2], edges(found)[1::2], strict=True):
        assert (left, right) == (40, 716)
        assert 340 <= end <= 372 < 384 <= begin <= 404


def test_a_box_that_fills_the_gutter_becomes_shorter() -> None:
    """The first line of the right column is indented, and its box begins in the gutter."""
    rows = two_columns()
    rows[0] = [COLUMNS[0], (430, 716)]
    boxes = boxes_of(rows)
    boxes[1][(0, 3), 0] = 361
    left, right, *others = parts_of(boxes, drawn(rows))
    assert left is boxes[0]
    assert len(others) == 2 * ROWS - 2
    assert 416 <= right[0, 0] <= 434


def test_a_box_over_three_columns_has_three_parts() -> None:
    found = parts_of(boxes_of(two_columns([4], 3)), drawn(two_columns(columns=3)))
    assert len(found) == 3 * ROWS


def test_a_line_with_ink_in_the_gutter_stays_whole() -> None:
    rows = two_columns([4])
    assert edges(parts_of(boxes_of(rows), drawn(rows))) == edges(boxes_of(rows))


def test_a_title_across_the_columns_stays_whole() -> None:
    """Even if there is a wide space between its words, where the gutter is."""
    boxes = boxes_of(two_columns())
    boxes[8:10] = boxes_of([[(40, 716)]], 44)
    boxes[8] = (boxes[8] + np.array((0, 4 * PITCH - 8))).astype(np.float32)
    assert parts_of(boxes, drawn(two_columns()))[8] is boxes[8]


def test_a_rule_between_the_columns_is_in_no_part() -> None:
    pixels = drawn(two_columns())
    pixels[40:400, 377:379] = 60
    found = parts_of(boxes_of(two_columns([3, 4])), pixels)
    assert len(found) == 2 * ROWS
    assert all(right < 377 or left > 378 for left, right in edges(found))


@pytest.mark.parametrize("degrees", [-2, 2])
def test_a_page_that_is_a_little_turned(degrees: float) -> None:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    move = np.array(((cosine, -sine, 20.0), (sine, cosine, 30.0)))
    paper = (250, 250, 250)
    turned = cv2.warpAffine(drawn(two_columns()), move, (1160, 480), borderValue=paper)
    pixels = turned.astype(np.uint8)
    boxes = [
        (box @ move[:, :2].T + move[:, 2]).astype(np.float32) for box in boxes_of(two_columns([4]))
    ]
    found = parts_of(boxes, pixels)
    assert len(found) == 2 * ROWS
    for part, column in zip(found[8:10], (boxes[6], boxes[7]), strict=True):
        (a, b), (c, d) = (region(pixels, box) for box in (part, column))
        assert (a, b) == pytest.approx((c, d), abs=16)


def region(pixels: ImageArray, box: FloatArray) -> tuple[int, int]:
    """The width of a box, and how much ink it has."""
    found = crop_region(box)
    assert found is not None
    return found.width, int((cut_out(pixels, found)[..., 0] < 128).sum() // 400)


def test_few_boxes_are_no_columns() -> None:
    rows = two_columns([1])[:2]
    assert len(parts_of(boxes_of(rows), drawn(rows))) == 3
