"""A sheet that text is drawn on, row by row, with the text kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from hard_set.fonts import CHINESE, LATIN, has_glyph, load_font
from hard_set.words import Random, pick

Pixels = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Color = tuple[int, int, int]

WHITE: Color = (255, 255, 255)
INK: Color = (20, 20, 24)


class Row(NamedTuple):
    """The text of a row of the sheet, and its extent from top to bottom in the sheet's pixels."""

    top: float
    bottom: float
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """An image (height, width, 3) uint8 RGB with its rows.

    to_image: the homography (3, 3) from the sheet's pixels to the image's. quality: of JPEG; None
    for PNG.
    """

    pixels: Pixels
    rows: tuple[Row, ...]
    to_image: Matrix = field(default_factory=lambda: np.eye(3))
    quality: int | None = None

    def characters(self) -> int:
        """The number of characters without white space."""
        return sum(len("".join(row.text.split())) for row in self.rows)

    def with_pixels(self, pixels: Pixels, by: Matrix | None = None) -> Sample:
        """A copy with other pixels, moved by a homography."""
        moved = self.to_image if by is None else by @ self.to_image
        return replace(self, pixels=pixels, to_image=moved)


class Style(NamedTuple):
    """A face for Chinese and one for other text, and a size in pixels."""

    chinese: str
    latin: str
    size: int

    def face(self, text: str) -> str:
        """The face that draws this text."""
        return self.latin if text.isascii() else self.chinese

    def sized(self, size: float) -> Style:
        """The same faces in another size."""
        return self._replace(size=round(size))


class Cell(NamedTuple):
    """Text of one row at x; right: x is where it ends."""

    x: float
    text: str
    style: Style
    right: bool = False


def any_style(random: Random, low: int, high: int) -> Style:
    """A style of random faces with a size from low to high."""
    chinese, latin = pick(random, list(CHINESE)), pick(random, list(LATIN))
    return Style(chinese, latin, int(random.integers(low, high + 1)))


class Sheet:
    """A blank sheet; row() draws on it."""

    def __init__(self, width: int, height: int, ground: Color = WHITE, ink: Color = INK) -> None:
        self.image = Image.new("RGB", (width, height), ground)
        self.ink = ink
        self.rows: list[Row] = []
        self._draw = ImageDraw.Draw(self.image)

    @property
    def width(self) -> int:
        """In pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self.image.height

    def row(self, top: float, cells: list[Cell], ink: Color | None = None) -> float:
        """Draw the cells on a common baseline; returns the bottom of the row.

        A text that would reach the next cell or the edge is cut short. ValueError if its face lacks
        a character.
        """
        height = max(cell.style.size for cell in cells)
        baseline = round(top + 0.88 * height)
        shown = self._fitted(sorted(cells, key=lambda cell: cell.x))
        for cell in shown:
            font = load_font(cell.style.face(cell.text), cell.style.size)
            anchor = "rs" if cell.right else "ls"
            place = (round(cell.x), baseline)
            self._draw.text(place, cell.text, ink or self.ink, font=font, anchor=anchor)
        self.rows.append(Row(top, top + height, " ".join(cell.text for cell in shown)))
        return top + height

    def _fitted(self, cells: list[Cell]) -> list[Cell]:
        """The cells, by x, with texts that fit."""
        fitted: list[Cell] = []
        edge = self.width - 8.0
        for cell in reversed(cells):
            face, text = cell.style.face(cell.text), cell.text
            lacking = [each for each in text if not has_glyph(face, each)]
            if lacking:
                raise ValueError(f"{face} cannot draw {lacking} of {text!r}")
            room = min(edge, cell.x) - 8 if cell.right else edge - cell.x
            while text and text_width(text, cell.style) > room:
                text = text[:-1]
            fitted.append(cell._replace(text=text))
            left = cell.x - text_width(text, cell.style) if cell.right else cell.x
            edge = left - 0.5 * cell.style.size
        return fitted[::-1]

    def line(self, x: float, y: float, right: float, bottom: float, color: Color) -> None:
        """Draw a thin rule."""
        self._draw.line((x, y, right, bottom), fill=color, width=1)

    def fill(self, x: float, y: float, right: float, bottom: float, color: Color) -> None:
        """Fill a rectangle."""
        self._draw.rectangle((x, y, right, bottom), fill=color)

    def sample(self, margin: int = 30) -> Sample:
        """The sheet as an image, cut below its last row."""
        bottom = min(self.height, round(self.rows[-1].bottom) + margin)
        return Sample(np.asarray(self.image)[:bottom].copy(), tuple(self.rows))


def text_width(text: str, style: Style) -> float:
    """The width of drawn text in pixels."""
    return load_font(style.face(text), style.size).getlength(text)
