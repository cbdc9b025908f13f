"""Grain, light and texture, made of random integers so that every machine agrees."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pages.spec import Colour

Pixels = NDArray[np.int32]


def grain(size: tuple[int, int], generator: random.Random, strength: int) -> Pixels:
    """Return (height, width) integers around zero, each the sum of four uniform bytes."""
    width, height = size
    thrown = np.frombuffer(generator.randbytes(width * height * 4), dtype=np.uint8)
    sums: Pixels = thrown.reshape(height, width, 4).astype(np.int32).sum(axis=2) - 510
    # four bytes have a standard deviation of 148
    scaled: Pixels = (sums * strength + 74) // 148
    return scaled


def speckle(image: Image.Image, generator: random.Random, strength: int) -> Image.Image:
    """Add the grain of a scanner or a camera to an RGB image."""
    added = grain(image.size, generator, strength)[:, :, None]
    pixels = np.asarray(image, dtype=np.int32) + added
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def uneven_light(image: Image.Image, dark_left: bool) -> Image.Image:
    """Dim one side by a quarter and the far corners a little more."""
    width, height = image.size
    x = np.arange(width, dtype=np.int32)[None, :] * 1000 // width
    y = np.arange(height, dtype=np.int32)[:, None] * 1000 // height
    side = 1000 - x if dark_left else x
    light = 1050 - side // 4 - (y - 400) ** 2 // 5000
    pixels = np.asarray(image, dtype=np.int32) * light[:, :, None] // 1000
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def table_top(size: tuple[int, int], colour: Colour, generator: random.Random) -> Image.Image:
    """Make a background with streaks like wood or woven cloth."""
    width, height = size
    pixels = np.zeros((height, width, 3), dtype=np.int32) + np.array(colour, dtype=np.int32)
    for columns, rows, strength in ((6, 60, 12), (40, 240, 5)):
        coarse = np.clip(grain((columns, rows), generator, strength) + 128, 0, 255)
        streaks = Image.fromarray(coarse.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        pixels += np.asarray(streaks, dtype=np.int32)[:, :, None] - 128
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
