"""Classification: what the classifier sees and what its answer means."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_engine.images import ImageArray
from ocr_engine.stages.classification import is_upside_down, preprocess, turn
from ocr_engine.stages.strips import stretched_tensor


def plain(height: int, width: int, colour: tuple[int, int, int] = (255, 255, 255)) -> ImageArray:
    strip = np.empty((height, width, 3), dtype=np.uint8)
    strip[:] = colour
    return strip


def test_values_run_from_minus_one_to_one_in_the_order_of_the_pixels() -> None:
    tensor = preprocess(plain(48, 192, (255, 0, 51)))
    assert tensor.shape == (1, 3, 48, 192)
    assert tensor.dtype == np.float32
    for channel, value in enumerate((1.0, -1.0, -0.6)):  # 51/255 = 0.2; (0.2 - 0.5) / 0.5
        np.testing.assert_allclose(tensor[0, channel], value, atol=1e-6)


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
def test_a_short_line_is_padded_with_zeros_and_a_long_one_squeezed(
    height: int, width: int, filled: int
) -> None:
    tensor = preprocess(plain(height, width))
    np.testing.assert_allclose(tensor[..., :filled], 1.0, atol=1e-6)
    assert not tensor[..., filled:].any()
    assert tensor.shape == (1, 3, 48, 192)


def test_another_input_shape() -> None:
    tensor = preprocess(plain(40, 80), height=32, width=100)
    assert tensor.shape == (1, 3, 32, 100)
    assert np.count_nonzero(tensor[0, 0, 0]) == 64  # 32 x 80 / 40


@pytest.mark.parametrize(
    ("answer", "threshold", "turned"),
    [
        ((0.05, 0.95), 0.9, True),
        ((0.95, 0.05), 0.9, False),
        ((0.15, 0.85), 0.9, False),
        ((0.25, 0.75), 0.75, False),  # it has to be surer than the threshold
        ((0.25, 0.75), 0.74, True),
        ((0.5, 0.5), 0.9, False),
    ],
)
def test_upside_down_only_if_sure(
    answer: tuple[float, float], threshold: float, turned: bool
) -> None:
    assert is_upside_down(np.array([answer], dtype=np.float32), threshold) is turned


def test_turning_by_180_degrees() -> None:
    strip = np.array([[(1, 1, 1), (2, 2, 2)], [(3, 3, 3), (4, 5, 6)]], dtype=np.uint8)
    turned = turn(strip)
    assert turned.tolist() == [[[4, 5, 6], [3, 3, 3]], [[2, 2, 2], [1, 1, 1]]]
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turn(turned), strip)


def test_a_stretched_strip_fills_the_input_and_becomes_rgb() -> None:
    strip = plain(20, 300, (255, 0, 51))  # blue 255, green 0, red 51
    tensor = stretched_tensor(strip, 80, 160, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))
    assert tensor.shape == (1, 3, 80, 160)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    for channel, value in enumerate((0.2, -1.0, 1.0)):  # red, green, blue
        np.testing.assert_allclose(tensor[0, channel], value, atol=1e-6)
