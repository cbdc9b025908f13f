"""The classifier's input, and the meaning of its output."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.classification import is_upside_down, preprocess, turn
from ocr_engine.stages.crops import PADDING, stretched_crop


def plain(height: int, width: int, colour: tuple[int, int, int] = (255, 255, 255)) -> ImageArray:
    crop = np.empty((height, width, 3), dtype=np.uint8)
    crop[:] = colour
    return crop


def test_channels_stay_in_the_order_of_the_pixels() -> None:
    seen = preprocess(plain(48, 192, (255, 0, 51)))
    assert seen.shape == (1, 48, 192, 3)
    assert seen.dtype == np.uint8
    assert (seen == (255, 0, 51)).all()


@pytest.mark.parametrize(
    ("height", "width", "filled"),
    [
        (48, 192, 192),
        (24, 48, 96),  # doubled
        (100, 101, 49),  # 48.48 -> 49
        (96, 192, 96),
        (48, 191, 191),
        (48, 193, 192),  # squeezed
        (48, 1000, 192),
        (500, 1, 1),  # 0.1 -> 1
    ],
)
def test_a_short_line_is_padded_with_grey_and_a_long_one_squeezed(
    height: int, width: int, filled: int
) -> None:
    seen = preprocess(plain(height, width))
    assert (seen[:, :, :filled] == 255).all()
    assert (seen[:, :, filled:] == PADDING).all()
    assert seen.shape == (1, 48, 192, 3)


def test_another_input_shape() -> None:
    seen = preprocess(plain(40, 80), height=32, width=100)
    assert seen.shape == (1, 32, 100, 3)
    assert np.count_nonzero(seen[0, 0, :, 0] == 255) == 64  # 32 x 80 / 40


@pytest.mark.parametrize(
    ("answer", "threshold", "turned"),
    [
        ((0.05, 0.95), 0.9, True),
        ((0.95, 0.05), 0.9, False),
        ((0.15, 0.85), 0.9, False),
        ((0.25, 0.75), 0.75, False),  # it must exceed the threshold
        ((0.25, 0.75), 0.74, True),
        ((0.5, 0.5), 0.9, False),
    ],
)
def test_upside_down_only_if_sure(
    answer: tuple[float, float], threshold: float, turned: bool
) -> None:
    assert is_upside_down(np.array([answer], dtype=np.float32), threshold) is turned


def test_turning_by_180_degrees() -> None:
    crop = np.array([[(1, 1, 1), (2, 2, 2)], [(3, 3, 3), (4, 5, 6)]], dtype=np.uint8)
    turned = turn(crop)
    assert turned.tolist() == [[[4, 5, 6], [3, 3, 3]], [[2, 2, 2], [1, 1, 1]]]
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turn(turned), crop)


def test_a_stretched_crop_fills_the_input_and_becomes_rgb() -> None:
    crop = plain(20, 300, (255, 0, 51))  # blue 255, green 0, red 51
    seen = stretched_crop(crop, 80, 160)
    assert seen.shape == (1, 80, 160, 3)
    assert seen.dtype == np.uint8
    assert seen.flags.c_contiguous
    assert (seen == (51, 0, 255)).all()
