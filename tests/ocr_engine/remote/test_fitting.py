"""The sizes in which images are sent, as each kind of model takes them."""

from __future__ import annotations

import pytest

from ocr_engine.remote.fitting import Target, fitted_size, padded_size
from ocr_engine.remote.kinds.dots_ocr import DotsOcr
from ocr_engine.remote.kinds.mineru import CROP, LAYOUT
from ocr_engine.remote.kinds.paddleocr_vl import MOST_PIXELS_SPOTTING, SPOTTING, PaddleOcrVl


@pytest.mark.parametrize("size", [(100, 50), (1999, 1001), (6000, 4000), (30, 20), (28, 9000)])
def test_dots_gets_sizes_that_it_does_not_change(size: tuple[int, int]) -> None:
    target = DotsOcr.target
    wide, high = fitted_size(*size, target)
    assert wide % 28 == high % 28 == 0
    assert target.min_pixels <= wide * high <= target.max_pixels
    assert fitted_size(wide, high, target) == (wide, high)
    assert wide / high == pytest.approx(size[0] / size[1], rel=0.5)


def test_spotting_enlarges_small_images_within_its_limit() -> None:
    target = PaddleOcrVl().target_for(SPOTTING)
    assert fitted_size(400, 300, target) == (800, 600)
    assert fitted_size(1600, 900, target) == (1600, 900)
    wide, high = fitted_size(1400, 1400, target)
    assert 0.99 * MOST_PIXELS_SPOTTING < wide * high <= MOST_PIXELS_SPOTTING


def test_mineru_gets_pages_of_one_size_and_padded_crops() -> None:
    assert fitted_size(640, 480, LAYOUT) == (1036, 1036)
    assert padded_size(5100, 20, CROP) == (5100, 102)
    assert padded_size(20, 5100, CROP) == (102, 5100)
    assert fitted_size(100, 7, CROP) == (400, 28)


def test_pixels_are_limited_and_a_pixel_is_left() -> None:
    assert fitted_size(4000, 4000, Target(1_000_000)) == (1000, 1000)
    assert fitted_size(100_000, 1, Target(1000))[1] == 1
