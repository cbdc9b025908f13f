"""Photographs of a page: perspective, texture, blur, grain and uneven light."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageFilter

from pages.noise import speckle, table_top, uneven_light
from pages.papers import draw_document
from pages.sheet import Sheet
from pages.spec import Colour, Spec

TABLES: tuple[Colour, ...] = ((104, 72, 48), (66, 74, 84), (128, 108, 84), (58, 84, 70))

Point = tuple[float, float]


def draw_photo(spec: Spec) -> Sheet:
    """Draw the page flat, then photograph it lying on a table."""
    sheet = draw_document(spec)
    generator = spec.random()
    page = sheet.image
    size = (page.width + 160, page.height + 150)
    corners = _corners(page.size, generator)
    table = table_top(size, generator.choice(TABLES), generator)
    table.paste(*_warped(page, corners, size))
    blurred = table.filter(ImageFilter.GaussianBlur(0.7))
    lit = uneven_light(blurred, dark_left=generator.random() < 0.5)
    sheet.image = speckle(lit, generator, 3)
    return sheet


def _corners(page: tuple[int, int], generator: random.Random) -> list[Point]:
    """Choose the positions of the page's corners: smaller at the far side, slightly rotated."""
    width, height = page
    far = generator.randint(20, 50)
    lean = generator.randint(-22, 22)
    left, top = 80, 75
    return [
        (left + far, top + lean),
        (left + width - far, top - lean),
        (left + width + 20, top + height - lean),
        (left - 20, top + height + lean),
    ]


def _warped(
    page: Image.Image, corners: list[Point], size: tuple[int, int]
) -> tuple[Image.Image, tuple[int, int], Image.Image]:
    """Return the warped page, its position and the mask of its area on the table."""
    width, height = page.size
    flat: list[Point] = [(0, 0), (width, 0), (width, height), (0, height)]
    data = _perspective(corners, flat)
    mode = Image.Transform.PERSPECTIVE
    image = page.transform(size, mode, data, Image.Resampling.BICUBIC)
    mask = Image.new("L", page.size, 255).transform(size, mode, data, Image.Resampling.BILINEAR)
    return image, (0, 0), mask


def _perspective(to: list[Point], source: list[Point]) -> list[float]:
    """Solve Pillow's eight coefficients, which map a target point to its source point."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(to, source, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    values = np.array([value for point in source for value in point], dtype=np.float64)
    solved = np.linalg.solve(np.array(rows, dtype=np.float64), values)
    return [round(float(value), 12) for value in solved]
