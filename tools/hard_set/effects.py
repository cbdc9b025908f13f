"""What cameras, scanners and compression do to a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hard_set.sheet import Matrix, Pixels, Sample
from hard_set.words import Random, chance

Array = npt.NDArray[np.integer[Any] | np.floating[Any]]


def photographed(random: Random, sample: Sample) -> Sample:
    """In perspective on a table, with uneven light, a shadow, blur, noise and JPEG."""
    moved = _in_perspective(random, sample)
    lit = _lit(random, moved.pixels)
    blurred: Array = cv2.GaussianBlur(lit, (0, 0), float(random.uniform(0.5, 1.2)))
    if chance(random, 0.3):
        blurred = _motion(random, blurred)
    noisy = _noise(random, blurred, float(random.uniform(2, 7)))
    return replace(moved, pixels=noisy, quality=int(random.integers(70, 90)))


def scanned(random: Random, sample: Sample) -> Sample:
    """Skewed, grey, with noise; bleed-through or fax in some."""
    turned = _skewed(random, sample)
    grey: Array = cv2.cvtColor(turned.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if chance(random, 0.4):
        back = cv2.GaussianBlur(grey[:, ::-1], (0, 0), 1.5)
        grey = grey - (255 - back) * float(random.uniform(0.08, 0.2))
    grey = cv2.GaussianBlur(grey, (0, 0), float(random.uniform(0.4, 0.8)))
    grey = grey + random.normal(0, float(random.uniform(4, 16)), grey.shape)
    if chance(random, 0.25):
        grey = np.where(grey > random.uniform(110, 170), 255.0, 0.0)
    flat = _bytes(grey)
    return turned.with_pixels(np.repeat(flat[:, :, None], 3, axis=2))


def compressed(random: Random, sample: Sample) -> Sample:
    """As JPEG of quality 30 to 60."""
    return replace(sample, quality=int(random.integers(30, 61)))


def halved(random: Random, sample: Sample) -> Sample:
    """At 0.45 to 0.6 of its size."""
    factor = float(random.uniform(0.45, 0.6))
    height, width = sample.pixels.shape[:2]
    size = (round(width * factor), round(height * factor))
    pixels = cv2.resize(sample.pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return sample.with_pixels(pixels, np.diag((size[0] / width, size[1] / height, 1)))


def _in_perspective(random: Random, sample: Sample) -> Sample:
    height, width = sample.pixels.shape[:2]
    scale = float(random.uniform(0.8, 1.25))
    edge = 0.06 * width
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    shifts = random.uniform(-0.035, 0.035, (4, 2)) * min(width, height)
    target = ((corners + shifts + edge) * scale).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    size = (round((width + 2 * edge) * scale), round((height + 2 * edge) * scale))
    table = _table(random, size)
    page = cv2.warpPerspective(sample.pixels, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((height, width), np.uint8), matrix, size)
    pixels = np.where(mask[:, :, None] > 0, page, table).astype(np.uint8)
    return sample.with_pixels(pixels, matrix.astype(np.float64))


def _table(random: Random, size: tuple[int, int]) -> Pixels:
    """A grained surface."""
    color = random.uniform(60, 170, 3)
    grain = cv2.resize(random.normal(0, 14, (size[1], 40)), size)
    return _bytes(color + grain[:, :, None])


def _lit(random: Random, pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * (across - 0.5) + np.sin(angle) * (down - 0.5)
    light = 0.82 + random.uniform(0.1, 0.45) * slope
    if chance(random, 0.6):
        edge = np.cos(angle + 1.3) * (across - random.uniform(0.3, 0.7))
        edge = edge + np.sin(angle + 1.3) * (down - random.uniform(0.3, 0.7))
        light = light * (1 - random.uniform(0.2, 0.5) / (1 + np.exp(-40 * edge)))
    tint = 1 + random.uniform(-0.06, 0.06, 3)
    return _bytes(pixels * np.clip(light, 0.15, 1.1)[:, :, None] * tint)


def _motion(random: Random, pixels: Array) -> Array:
    kernel = np.zeros((5, 5), np.float32)
    angle = float(random.uniform(0, np.pi))
    for step in np.linspace(-1.2, 1.2, 9):
        kernel[round(2 + step * np.sin(angle)), round(2 + step * np.cos(angle))] += 1
    return cv2.filter2D(pixels, -1, kernel / kernel.sum())


def _noise(random: Random, pixels: Array, sigma: float) -> Pixels:
    return _bytes(pixels + random.normal(0, sigma, pixels.shape))


def _skewed(random: Random, sample: Sample) -> Sample:
    height, width = sample.pixels.shape[:2]
    angle = float(random.uniform(-1.6, 1.6))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    matrix: Matrix = np.vstack((turn, (0, 0, 1)))
    border = cv2.BORDER_REPLICATE
    pixels = cv2.warpAffine(
        sample.pixels, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=border
    )
    return sample.with_pixels(pixels.astype(np.uint8), matrix)


def _bytes(values: Array) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
