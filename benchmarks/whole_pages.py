"""Upright pages of many kinds with known lines, to be rotated or skewed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from number_pages import FACES, INK, PAPER, digits
from PIL import Image

from pages.sheet import Pen, Sheet
from pages.spec import read_specs

SIZES = (16, 20, 26, 32)
CHINESE_FACES = ("sans", "serif", "sans-bold")

Rows = list[list[str]]


@dataclass(frozen=True)
class WholePage:
    """An upright page: its kind, and its lines in reading order."""

    kind: str
    image: Image.Image
    lines: tuple[str, ...]


def whole_pages(seed: int, count: int) -> Iterator[WholePage]:
    """`count` pages, of all kinds in turn."""
    generator = random.Random(seed)
    kinds = list(_kinds(generator).items())
    for kind, rows in islice(cycle(kinds), count):
        drawn = rows()
        latin = all(text.isascii() for row in drawn for text in row)
        face = generator.choice(FACES if latin else CHINESE_FACES)
        pen = Pen(face, generator.choice(SIZES), INK)
        yield _vertical(kind, drawn[0], pen) if kind == "columns" else _page(kind, drawn, pen)


def skewed(page: WholePage, degrees: float) -> WholePage:
    """The page rotated counter-clockwise by some degrees on larger paper."""
    image = page.image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)
    return WholePage(page.kind, image, page.lines)


def _kinds(generator: random.Random) -> dict[str, Callable[[], Rows]]:
    return {
        "Chinese, short lines": lambda: [[_chinese(generator, 4, 12)] for _ in range(12)],
        "Chinese, 30 characters": lambda: [[_chinese(generator, 28, 34)] for _ in range(10)],
        "English, 35 characters": lambda: [[_english(generator, 35)] for _ in range(12)],
        "English, 70 characters": lambda: [[_english(generator, 70)] for _ in range(10)],
        "English, 90 characters": lambda: [[_english(generator, 90)] for _ in range(8)],
        "English, a few words": lambda: [[_english(generator, 12)] for _ in range(5)],
        "mixed": lambda: [
            [_english(generator, 40) if row % 2 else _chinese(generator, 12, 20)]
            for row in range(10)
        ],
        "table": lambda: [
            [_english(generator, 9), digits(generator), digits(generator), _price(generator)]
            for _ in range(12)
        ],
        "table, Chinese": lambda: [
            [_chinese(generator, 3, 6), digits(generator), _price(generator)] for _ in range(12)
        ],
        "receipt": lambda: [
            [_english(generator, 20)],
            ["2026-11-30 18:42"],
            *([_english(generator, 14), _price(generator)] for _ in range(10)),
            ["TOTAL", _price(generator)],
            ["Thank you for your visit"],
        ],
        "numbers": lambda: [[digits(generator) for _ in range(5)] for _ in range(12)],
        "long numbers": lambda: [
            [str(generator.randrange(10**7, 10**12)) for _ in range(3)] for _ in range(10)
        ],
        "columns": lambda: [[_chinese(generator, 8, 14) for _ in range(6)]],
    }


def _page(kind: str, rows: Rows, pen: Pen) -> WholePage:
    """Rows of cells below each other; the first row may be a title."""
    margin, leading = 2 * pen.size, round(1.8 * pen.size)
    cells = max(len(row) for row in rows)
    widths = [
        max(pen.width(row[place]) for row in rows if len(row) == cells) for place in range(cells)
    ]
    across = [margin + round(sum(widths[:place])) + 3 * pen.size * place for place in range(cells)]
    widest = max(across[len(row) - 1] + pen.width(row[-1]) for row in rows)
    sheet = Sheet((round(widest) + margin, leading * len(rows) + 2 * margin), PAPER)
    for number, row in enumerate(rows):
        for text, left in zip(row, across, strict=False):
            sheet.write((left, margin + leading * (number + 1) - leading // 3), text, pen)
    return WholePage(kind, sheet.image, tuple(sheet.lines))


def _vertical(kind: str, columns: list[str], pen: Pen) -> WholePage:
    """Vertical columns of upright characters, from the right."""
    step, margin = round(1.12 * pen.size), 2 * pen.size
    height = step * max(map(len, columns)) + 2 * margin
    sheet = Sheet((2 * pen.size * len(columns) + 2 * margin, height), PAPER)
    for number, column in enumerate(columns):
        right = sheet.image.width - margin - 2 * pen.size * number
        for place, character in enumerate(column):
            sheet.write((right, margin + step * place + pen.size // 2), character, pen, "rm")
    return WholePage(kind, sheet.image, tuple(columns))


def _chinese(generator: random.Random, shortest: int, longest: int) -> str:
    text = "".join(char for block in _blocks() for char in block if "一" <= char <= "鿿")
    length = generator.randint(shortest, longest)
    start = generator.randrange(len(text) - length)
    return text[start : start + length]


def _english(generator: random.Random, characters: int) -> str:
    words = [word for block in _blocks() if block.isascii() for word in block.split()]
    start = generator.randrange(len(words) - characters)
    line = words[start]
    for word in words[start + 1 :]:
        if len(line) >= characters:
            break
        line += f" {word}"
    return line


def _price(generator: random.Random) -> str:
    return f"{generator.randrange(100, 99999) / 100:.2f}"


def _blocks() -> list[str]:
    kinds = ("document", "photo", "small_print")
    blocks = [block for kind in kinds for spec in read_specs(kind) for block in spec.blocks]
    return [block.lstrip("#~ ") for block in blocks if "||" not in block]
