"""Cropping: pixels are unchanged if nothing needs straightening."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.cropping import (
    LOW_BOX,
    SMALL_PRINT,
    STRAIGHT,
    _warped,
    crop_region,
    cut_out,
)
from ocr_engine.stages.detection import QuadArray


def noise(height: int, width: int, seed: int = 3) -> ImageArray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def box(left: int, top: int, right: int, bottom: int) -> npt.NDArray[np.int32]:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.int32)


def cut(pixels: ImageArray, corners: QuadArray) -> ImageArray:
    place = crop_region(corners)
    assert place is not None
    crop = cut_out(pixels, place)
    assert crop.shape[:2] == place.crop_shape
    return crop


def test_a_level_box_gives_the_pixels_themselves() -> None:
    pixels = noise(100, 150)
    crop = cut(pixels, box(20, 10, 60, 30))
    assert crop.dtype == np.uint8
    np.testing.assert_array_equal(crop, pixels[10:30, 20:60])


def test_every_level_box_gives_the_pixels_themselves() -> None:
    pixels = noise(200, 300)
    generator = np.random.default_rng(7)
    wrong = []
    for _ in range(400):
        left, top = int(generator.integers(0, 200)), int(generator.integers(0, 120))
        width, height = int(generator.integers(42, 100)), int(generator.integers(LOW_BOX, 41))
        crop = cut(pixels, box(left, top, left + width, top + height))
        if (
            crop.shape != (height, width, 3)
            or (crop != pixels[top : top + height, left : left + width]).any()
        ):
            wrong.append((left, top, left + width, top + height, crop.shape))
    assert not wrong, f"{len(wrong)} of 400 level boxes are resampled, the first {wrong[0]}"


@pytest.mark.parametrize("height", [8, 12, LOW_BOX - 1])
def test_a_low_box_gets_room_for_letters_that_it_cuts(height: int) -> None:
    pixels = np.zeros((60, 200, 3), dtype=np.uint8)
    pixels[[19, 20 + height]] = 255  # a row above the box, and one below
    crop = cut(pixels, box(30, 20, 130, 20 + height))
    assert crop.shape == (height + 3, 100, 3)
    assert crop[:3].max() > 120
    assert crop[-3:].max() > 120
    assert crop[4:-4].max(initial=0) == 0


def test_boxes_that_are_not_low_or_stand_upright_get_no_room() -> None:
    for width, height in ((100, LOW_BOX), (8, 12), (10, 100)):
        region = crop_region(box(30, 20, 30 + width, 20 + height))
        assert region is not None
        assert (region.width, region.height) == (width, height)


def test_the_order_of_the_corners_does_not_matter() -> None:
    pixels = noise(100, 150)
    turned = np.roll(box(20, 10, 60, 30), 2, axis=0)
    np.testing.assert_array_equal(cut(pixels, turned), pixels[10:30, 20:60])


@pytest.mark.parametrize("degrees", [-20, -3, 3, 10, 30])
def test_a_turned_box_is_straightened(degrees: int) -> None:
    crop = np.zeros((30, 120, 3), dtype=np.uint8)
    crop[:15, :60] = (250, 20, 20)
    crop[:15, 60:] = (20, 250, 20)
    crop[15:, :60] = (20, 20, 250)
    crop[15:, 60:] = (230, 230, 230)
    page = np.zeros((240, 240, 3), dtype=np.uint8)
    page[105:135, 60:180] = crop
    turn = cv2.getRotationMatrix2D((120, 120), -degrees, 1.0)
    turned = cv2.warpAffine(page, turn, (240, 240)).astype(np.uint8)
    corners = cv2.transform(box(60, 105, 180, 135)[None].astype(np.float64), turn)[0]
    got = cut(turned, np.rint(corners).astype(np.int32))
    assert abs(got.shape[0] - 30) <= 2
    assert abs(got.shape[1] - 120) <= 2
    np.testing.assert_allclose(got[7, 30], (250, 20, 20), atol=6)
    np.testing.assert_allclose(got[7, 90], (20, 250, 20), atol=6)
    np.testing.assert_allclose(got[22, 30], (20, 20, 250), atol=6)
    np.testing.assert_allclose(got[22, 90], (230, 230, 230), atol=6)


def test_a_vertical_crop_is_turned_counter_clockwise() -> None:
    pixels = np.zeros((100, 100, 3), dtype=np.uint8)
    pixels[20:40, 40:60] = (10, 20, 250)  # its upper third
    crop = cut(pixels, box(40, 20, 60, 80))
    assert crop.shape == (20, 60, 3)
    assert (crop[:, :20] == (10, 20, 250)).all()  # the top is now on the left
    assert (crop[:, 20:] == 0).all()
    assert crop.flags.c_contiguous


def test_what_was_on_the_right_of_a_vertical_crop_is_on_top() -> None:
    pixels = np.zeros((100, 100, 3), dtype=np.uint8)
    pixels[20:80, 50:60] = 200
    crop = cut(pixels, box(40, 20, 60, 80))
    assert (crop[:10] == 200).all()
    assert (crop[10:] == 0).all()


@pytest.mark.parametrize(
    ("height", "shape"), [(29, (29, 20)), (30, (20, 30)), (31, (20, 31)), (20, (20, 20))]
)
def test_vertical_from_one_and_a_half_times_as_high_as_wide(
    height: int, shape: tuple[int, int]
) -> None:
    crop = cut(noise(100, 100), box(40, 20, 60, 20 + height))
    assert crop.shape[:2] == shape


@pytest.mark.parametrize(
    "corners",
    [
        [(30, 30), (30, 30), (30, 30), (30, 30)],
        [(10, 30), (60, 30), (60, 30), (10, 30)],
        [(30, 10), (30, 10), (30, 60), (30, 60)],
        [(10, 10), (40, 40), (40, 40), (10, 10)],
    ],
)
def test_a_box_without_area_gives_nothing(corners: list[tuple[int, int]]) -> None:
    assert crop_region(np.array(corners, dtype=np.int32)) is None


def test_beyond_the_edge_the_last_pixels_are_repeated() -> None:
    pixels = noise(50, 80)
    crop = cut(pixels, box(60, 10, 90, 30))
    assert crop.shape == (20, 30, 3)
    np.testing.assert_array_equal(crop[:, :20], pixels[10:30, 60:80])
    for column in range(20, 30):
        np.testing.assert_array_equal(crop[:, column], pixels[10:30, 79])


def smooth(height: int, width: int) -> ImageArray:
    """Noise without fine detail, so that a subpixel shift changes little."""
    return cv2.GaussianBlur(noise(height, width), (0, 0), 2).astype(np.uint8)


@pytest.mark.parametrize("left", [20.0, 20.3, 20.5, 20.9])
@pytest.mark.parametrize("top", [10.0, 10.25, 10.75])
def test_small_print_between_pixels_is_interpolated_as_a_leaning_box_is(
    left: float, top: float
) -> None:
    pixels = smooth(100, 150)
    height = SMALL_PRINT - 1
    level = np.array([(0, 0), (80, 0), (80, height), (0, height)], dtype=np.float32)
    level += np.array((left, top), dtype=np.float32)
    got = cut(pixels, level)
    expected = _warped(pixels, level, 80, height)
    np.testing.assert_allclose(got.astype(int), expected.astype(int), atol=2)


@pytest.mark.parametrize(("left", "x"), [(20.0, 20), (20.3, 20), (20.9, 21)])
@pytest.mark.parametrize(("top", "y"), [(10.0, 10), (10.25, 10), (10.75, 11)])
def test_other_level_boxes_give_the_nearest_pixels_themselves(
    left: float, x: int, top: float, y: int
) -> None:
    pixels = noise(100, 150)
    level = np.array([(0, 0), (80, 0), (80, SMALL_PRINT), (0, SMALL_PRINT)], dtype=np.float32)
    level += np.array((left, top), dtype=np.float32)
    crop = cut(pixels, level)
    np.testing.assert_array_equal(crop, pixels[y : y + SMALL_PRINT, x : x + 80])
    assert np.shares_memory(crop, pixels)


@pytest.mark.parametrize(("lean", "resampled"), [(STRAIGHT * 0.9, False), (STRAIGHT * 1.5, True)])
def test_a_box_that_hardly_leans_is_not_turned(lean: float, resampled: bool) -> None:
    pixels = noise(100, 150)
    corners = np.array([(20, 10), (80, 10 + lean), (80, 30 + lean), (20, 30)], dtype=np.float32)
    middle = cut(pixels, corners)[5:15, 25:35].astype(int)
    nearest = pixels[round(10 + lean / 2) :, 20:][5:15, 25:35].astype(int)
    assert (np.abs(middle - nearest).max() > 10) == resampled


@pytest.mark.parametrize("corner", [(-0.4, -0.4), (69.7, 0.2), (0.2, 81.6), (69.6, 81.7)])
def test_the_edge_is_repeated_beyond_it(corner: tuple[float, float]) -> None:
    pixels = smooth(100, 150)
    height = SMALL_PRINT - 2
    level = np.array([(0, 0), (80, 0), (80, height), (0, height)], dtype=np.float32)
    level += np.array(corner, dtype=np.float32)
    framed = cv2.copyMakeBorder(pixels, 9, 9, 9, 9, cv2.BORDER_REPLICATE).astype(np.uint8)
    np.testing.assert_array_equal(cut(pixels, level), cut(framed, level + np.float32(9)))
