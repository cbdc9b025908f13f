"""Crops are created on first use."""

from __future__ import annotations

import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import Crops

SHAPES = [(20, 100), (30, 50), (40, 70)]


def counted() -> tuple[Crops, list[int]]:
    """Crops whose pixels are their numbers, and the numbers of those created."""
    made: list[int] = []

    def make(number: int) -> ImageArray:
        made.append(number)
        return np.full((*SHAPES[number], 3), number, dtype=np.uint8)

    return Crops(SHAPES, make), made


def test_a_crop_is_created_once_and_only_if_used() -> None:
    crops, made = counted()
    assert not made
    assert crops[2] is crops[2]
    assert crops[0].shape[:2] == crops.shapes[0]
    assert made == [2, 0]


def test_a_subset_shares_the_created_crops() -> None:
    crops, made = counted()
    some = crops.subset([2, 1])
    assert some.shapes == [SHAPES[2], SHAPES[1]]
    assert not made
    assert some[0] is crops[2]
    assert some[1] is crops[1]
    assert made == [2, 1]


def test_a_subset_changes_each_crop_once() -> None:
    crops, made = counted()
    changes: list[int] = []

    def change(crop: ImageArray) -> ImageArray:
        changes.append(int(crop[0, 0, 0]))
        return crop + 100

    some = crops.subset([1], change)
    assert some[0][0, 0, 0] == 101
    assert some[0] is some[0]
    assert crops[1][0, 0, 0] == 1
    assert (made, changes) == ([1], [1])
