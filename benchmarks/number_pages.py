"""Pages with texts at known positions: upright numbers in cells, and rotated lines."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from PIL import Image

from pages.sheet import Pen, Sheet
from pages.spec import Colour, read_specs

FACES = ("sans", "sans-bold", "serif", "dejavu", "dejavu-serif", "mono")
SIZES = (14, 18, 24, 34, 48)
RULES = ("no rules", "rules")
GROUPS = ("digits", "with signs")
COLUMNS = 5
TURNABLE_SHARE = 0.7  # of the numbers, made of 0 1 6 8 9 alone
INK: Colour = (24, 24, 28)
RULE: Colour = (120, 120, 126)
PAPER: Colour = (255, 255, 255)

Direction = Literal["upright", "upside down", "standing", "standing, upside down"]
# A standing line is read from above; np.rot90 of one that is upside down is upside down.
ROTATIONS: dict[Direction, Image.Transpose | None] = {
    "upright": None,
    "upside down": Image.Transpose.ROTATE_180,
    "standing": Image.Transpose.ROTATE_270,
    "standing, upside down": Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Cell:
    """A text and its cell in the image: left, top, right, bottom."""

    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class CellPage:
    """An image with texts in cells; labels: the groups in which its results are counted."""

    labels: tuple[str, ...]
    image: Image.Image
    cells: tuple[Cell, ...]


def number_pages(seed: int, count: int) -> Iterator[CellPage]:
    """`count` upright numbers of 1 to 6 digits, and a fifth as many with signs, in cells."""
    generator = random.Random(seed)
    kinds = list(product(FACES, SIZES, RULES))
    each = count // len(kinds)
    if each * len(kinds) != count:
        raise ValueError(f"{count} numbers cannot be shared among {len(kinds)} kinds of pages")
    for group, number, length in (
        (GROUPS[0], digits, each),
        (GROUPS[1], with_sign, each // 5),
    ):
        for face, size, rules in kinds:
            labels = (face, f"{size} px", rules, group)
            texts = [number(generator) for _ in range(length)]
            sheet, cells = _in_cells(texts, Pen(face, size, INK), 8, rules == RULES[1])
            yield CellPage(labels, sheet.image, cells)


def digits(generator: random.Random) -> str:
    """A number of 1 to 6 digits, which is mostly also a number upside down."""
    alphabet = "01689" if generator.random() < TURNABLE_SHARE else "0123456789"
    return "".join(generator.choices(alphabet, k=generator.randint(1, 6)))


def with_sign(generator: random.Random) -> str:
    """A percentage, price, range or similar, of digits that are also digits upside down."""
    form = generator.choice(("00%", "00.0%", "0/00", "00-00", "-000", "0.00", "0,000", "¥00.00"))
    return re.sub("0", lambda _: generator.choice("01689"), form)


def directed_pages(seed: int) -> Iterator[CellPage]:
    """Lines of several kinds in all four directions, many on a page or one on each."""
    generator = random.Random(seed)
    kinds: dict[str, Callable[[], list[list[str]]]] = {
        "words": lambda: [[word] for word in generator.sample(_words(), 20)],
        "sentences": lambda: [[line] for line in generator.sample(_sentences(), 12)],
        "Chinese": lambda: [[phrase] for phrase in generator.sample(_phrases(), 20)],
        "table of text and numbers": lambda: [
            [word, digits(generator), digits(generator)]
            for word in generator.sample(_words() + _phrases(), 15)
        ],
        "table of numbers": lambda: [
            [digits(generator) for _ in range(COLUMNS)] for _ in range(15)
        ],
        "one word": lambda: [[generator.choice(_words())]],
        "one phrase in Chinese": lambda: [[generator.choice(_phrases())]],
        "one number": lambda: [[digits(generator)]],
    }
    for (kind, rows), size in product(kinds.items(), (16, 22, 32)):
        for _ in range(20 if kind.startswith("one") else 3):
            face = generator.choice(("sans", "serif", "sans-bold"))
            yield from _turned(kind, rows(), Pen(face, size, INK))


def _turned(kind: str, rows: list[list[str]], pen: Pen) -> Iterator[CellPage]:
    """The same page in all four directions."""
    texts = [text for row in rows for text in row]
    widest = max(pen.width(text) for text in texts) / pen.size
    sheet, cells = _in_cells(texts, pen, widest + 2, ruled=False, columns=len(rows[0]))
    for direction, turn in ROTATIONS.items():
        image = sheet.image if turn is None else sheet.image.transpose(turn)
        placed = tuple(Cell(cell.text, _turned_box(cell.box, sheet, direction)) for cell in cells)
        yield CellPage((kind, direction), image, placed)


def _turned_box(
    box: tuple[float, float, float, float], sheet: Sheet, direction: Direction
) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    width, height = sheet.image.size
    if direction == "upside down":
        return width - right, height - bottom, width - left, height - top
    if direction == "standing":
        return height - bottom, left, height - top, right
    if direction == "standing, upside down":
        return top, width - right, bottom, width - left
    return box


def _in_cells(
    texts: list[str], pen: Pen, width: float, ruled: bool, columns: int = COLUMNS
) -> tuple[Sheet, tuple[Cell, ...]]:
    """Write each text into the center of a cell, row by row; width in units of the pen's size."""
    across, down, margin = round(width * pen.size), round(2.4 * pen.size), 20
    rows = -(-len(texts) // columns)
    sheet = Sheet((columns * across + 2 * margin, rows * down + 2 * margin), PAPER)
    cells = []
    for index, text in enumerate(texts):
        left, top = margin + index % columns * across, margin + index // columns * down
        box = (left, top, left + across, top + down)
        if ruled:
            sheet.draw.rectangle(box, outline=RULE)
        sheet.write((left + across / 2, top + down / 2), text, pen, "mm")
        cells.append(Cell(text, box))
    return sheet, tuple(cells)


def _blocks() -> list[str]:
    kinds = ("document", "photo", "small_print")
    blocks = [block for kind in kinds for spec in read_specs(kind) for block in spec.blocks]
    return [block.lstrip("#~ ") for block in blocks if "||" not in block]


def _words() -> list[str]:
    found = {word for block in _blocks() for word in re.findall(r"[A-Za-z]{3,}", block)}
    return sorted(found)


def _sentences() -> list[str]:
    """Lines of four to twelve English words."""
    lines = [block.split() for block in _blocks() if block.isascii()]
    return sorted({" ".join(words[: 4 + len(words) % 9]) for words in lines if len(words) >= 4})


def _phrases() -> list[str]:
    """Four to twelve Chinese characters."""
    found = {part for block in _blocks() for part in re.findall(r"[一-鿿]{4,12}", block)}
    return sorted(found)
