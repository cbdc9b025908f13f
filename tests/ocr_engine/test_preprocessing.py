"""What a request may have done to an image before it is read, and where boxes are afterwards."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from ocr_engine.geometry import LevelBox
from ocr_engine.images.decode import DecodedImage, ImageArray
from ocr_engine.images.preprocessing import denoise, equalize, preprocessed, stretch
from ocr_engine.images.straightening import straighten

PLENTY = 40_000_000


def page(ground: int = 255, ink: int = 0) -> ImageArray:
    """A page with bars in place of lines of text."""
    pixels = np.full((300, 400, 3), ground, dtype=np.uint8)
    for top in range(40, 260, 40):
        pixels[top : top + 14, 50:350] = ink
    return pixels


def test_noise_is_removed_and_edges_stay() -> None:
    noise = np.random.default_rng(1).normal(0, 8, (300, 400, 1))
    noisy = np.clip(page(200, 60) + noise, 0, 255).astype(np.uint8)
    clean = denoise(noisy)
    assert clean.shape == noisy.shape
    assert clean[2:30, :, 0].std() < 0.4 * noisy[2:30, :, 0].std()
    assert clean[46, 60:340].mean() < 75
    assert clean[30, 60:340].mean() > 185


def test_a_faint_page_is_stretched_to_all_levels() -> None:
    stretched = stretch(page(140, 100))
    assert (stretched[0, 0, 0], stretched[46, 200, 0]) == (255, 0)


def test_a_few_bright_pixels_do_not_prevent_stretching() -> None:
    pixels = page(140, 100)
    pixels[0, :50] = 255
    assert stretch(pixels)[46, 200, 0] == 0
    assert stretch(pixels)[20, 200, 0] == 255


def test_colours_are_stretched_alike() -> None:
    pixels = page(140, 100)
    pixels[:, :, 2] += 10
    stretched = stretch(pixels)
    assert int(stretched[46, 200, 2]) - int(stretched[46, 200, 0]) > 20


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_image_of_one_colour_stays(value: int) -> None:
    pixels = np.full((20, 30, 3), value, dtype=np.uint8)
    assert np.array_equal(stretch(pixels), pixels)


def test_texture_in_a_shadow_gets_contrast() -> None:
    texture = np.random.default_rng(1).normal(140, 30, (300, 400, 1)).clip(0, 255)
    pixels = texture.astype(np.uint8).repeat(3, axis=2)
    pixels[150:] = (pixels[150:] * 0.2).astype(np.uint8)
    assert equalize(pixels)[190:].std() > 1.5 * pixels[190:].std()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_images_of_any_shape(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 90, dtype=np.uint8)
    pixels[0, 0] = 0
    done = preprocessed(pixels, ("denoise", "stretch", "clahe", "deskew"))
    assert done.shape == pixels.shape
    assert done.dtype == np.uint8


def skewed(degrees: float) -> DecodedImage:
    turn = cv2.getRotationMatrix2D((200, 150), -degrees, 1.0)
    pixels = cv2.warpAffine(page(), turn, (400, 300), borderValue=(255, 255, 255))
    return DecodedImage(pixels.astype(np.uint8))


@pytest.mark.parametrize("degrees", [-9.0, -1.0, 4.0, 15.0])
def test_a_skewed_page_is_straightened(degrees: float) -> None:
    straight = straighten(skewed(degrees), math.radians(degrees), PLENTY)
    assert straight is not None
    rows = straight.image.pixels[:, :, 0].mean(axis=1)
    assert rows.min() < 130  # a row that crosses a bar from end to end
    assert np.ptp(straight.image.pixels[0]) == 0  # what was added has the colour of the page


@pytest.mark.parametrize("degrees", [-9.0, 4.0])
def test_boxes_go_back_to_the_skewed_page(degrees: float) -> None:
    image = skewed(degrees)
    straight = straighten(image, math.radians(degrees), PLENTY)
    assert straight is not None
    dark = straight.image.pixels[:, :, 0] < 128
    down, across = np.nonzero(dark)
    box = LevelBox(int(across.min()), int(down.min()), int(across.max()), int(down.max())).quad
    before = np.array(straight.box_before(box), dtype=np.int32)
    inside = cv2.fillPoly(np.zeros((300, 400), dtype=np.uint8), [before], (1,))
    ink = image.pixels[:, :, 0] < 100
    assert ink[inside > 0].sum() > 0.97 * ink.sum()
    assert (before[1] - before[0])[1] * degrees > 0  # it slopes like the page


def test_a_straight_page_stays_as_it_is() -> None:
    assert straighten(DecodedImage(page()), math.radians(0.1), PLENTY) is None


def test_a_narrow_strip_does_not_grow_to_many_times_its_size() -> None:
    strip = DecodedImage(np.zeros((20, 20_000, 3), dtype=np.uint8))
    assert straighten(strip, math.radians(15), PLENTY) is None


def test_nor_does_a_page_grow_beyond_the_limit() -> None:
    assert straighten(skewed(4.0), math.radians(4), max_pixels=121_000) is None
