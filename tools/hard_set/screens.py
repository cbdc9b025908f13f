"""Screenshots: light and dark windows, with letters in grey levels or in subpixels."""

from __future__ import annotations

import cv2
import numpy as np

from hard_set.sheet import Cell, Color, Sample, Sheet, any_style
from hard_set.words import (
    Random,
    amount,
    chance,
    chinese_phrase,
    clock,
    code,
    english_phrase,
    integer,
    pick,
)

THEMES: tuple[tuple[Color, Color, Color], ...] = (
    ((255, 255, 255), (34, 34, 38), (236, 238, 242)),
    ((246, 247, 249), (60, 64, 72), (220, 228, 244)),
    ((30, 30, 34), (222, 222, 226), (48, 50, 58)),
    ((18, 24, 32), (150, 176, 200), (32, 42, 56)),
)


def draw_screen(random: Random, number: int) -> Sample:
    """A window with a menu, rows of a list, and buttons, in letters of 12 to 18 pixels."""
    ground, ink, panel = THEMES[number % len(THEMES)]
    scale = 3 if chance(random, 0.4) else 1
    style = any_style(random, 12, 18)
    style = style._replace(
        chinese=pick(random, ("hei", "hei-zen", "hei-bold")),
        latin=pick(random, ("sans", "dejavu", "roboto-condensed", "lato", "mono")),
    )
    wide = style.sized(style.size * scale)
    sheet = Sheet(1000 * scale, 1100 * scale, ground, ink)
    sheet.fill(0, 0, sheet.width, 44 * scale, panel)
    menu = [chinese_phrase(random, 2)[:4].strip("，、；") for _ in range(7)]
    cells = [Cell((24 + 130 * i) * scale, text, wide) for i, text in enumerate(menu)]
    top = sheet.row(14 * scale, cells) + 30 * scale
    for row in range(24):
        height = style.size * 1.9 * scale
        if row % 2:
            sheet.fill(10 * scale, top - height * 0.25, sheet.width, top + height * 0.72, panel)
        texts = (clock(random), _entry(random), code(random, 7), amount(random, 4))
        places = (24, 130, 640, 820)
        cells = [Cell(x * scale, text, wide) for x, text in zip(places, texts, strict=True)]
        sheet.row(top, cells)
        top += height
    sample = sheet.sample(20 * scale)
    return _subpixels(sample) if scale == 3 else sample


def _subpixels(sample: Sample) -> Sample:
    """Reduce to a third: each colour sees its own third of a pixel across, as on LCD screens."""
    height, width = sample.pixels.shape[0] // 3, sample.pixels.shape[1] // 3
    pixels = sample.pixels[: height * 3, : width * 3]
    rows = pixels.reshape(height, 3, width * 3, 3).mean(axis=1)
    soft = cv2.blur(rows, (5, 1))
    channels = [soft[:, channel::3, channel] for channel in range(3)]
    reduced = np.stack(channels, axis=-1).round().astype(np.uint8)
    return sample.with_pixels(reduced, np.diag((1 / 3, 1 / 3, 1)))


def _entry(random: Random) -> str:
    if chance(random, 0.5):
        return chinese_phrase(random, 18)[:26]
    return f"{english_phrase(random, 34)} {integer(random, 3)}"
