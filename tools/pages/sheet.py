"""A sheet of paper or a screen that records its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import category

from PIL import Image, ImageDraw

from pages.fonts import load_font, require_glyphs
from pages.spec import Colour

EDGE = 4
# Unicode categories of punctuation that closes, and of punctuation that opens
NOT_FIRST = {"Po", "Pe", "Pf"}
NOT_LAST = {"Ps", "Pi"}
TOKEN = re.compile(r"[A-Za-z0-9]+(?:[.,:'][A-Za-z0-9]+)*|\s+|.")

Box = tuple[float, float, float, float]


class LayoutError(Exception):
    """A text would be clipped by the edge or drawn over another text."""


@dataclass(frozen=True)
class Pen:
    """A face, a size in pixels and an ink."""

    face: str
    size: int
    ink: Colour

    def width(self, text: str) -> float:
        """Measure how far the text advances, in pixels."""
        return load_font(self.face, self.size).getlength(text)


class Sheet:
    """An RGB image, with its lines of text in reading order and their boxes."""

    def __init__(self, size: tuple[int, int], paper: Colour) -> None:
        self.image = Image.new("RGB", size, paper)
        self.draw = ImageDraw.Draw(self.image)
        self.lines: list[str] = []
        self.boxes: list[Box] = []

    def write(self, at: tuple[float, float], text: str, pen: Pen, anchor: str = "ls") -> Box:
        """Draw and record one line; raises LayoutError if it would not be fully visible."""
        require_glyphs(pen.face, text)
        font = load_font(pen.face, pen.size)
        box = self.draw.textbbox(at, text, font=font, anchor=anchor)
        self._require_free(box, text)
        self.draw.text(at, text, fill=pen.ink, font=font, anchor=anchor)
        self.lines.append(text)
        self.boxes.append(box)
        return box

    def crop(self, height: int) -> None:
        """Crop the sheet below the given row."""
        self.image = self.image.crop((0, 0, self.image.width, height))
        self.draw = ImageDraw.Draw(self.image)
        if any(box[3] > height - EDGE for box in self.boxes):
            raise LayoutError(f"cutting at {height} clips a line")

    def _require_free(self, box: Box, text: str) -> None:
        left, top, right, bottom = box
        width, height = self.image.size
        if left < EDGE or top < EDGE or right > width - EDGE or bottom > height - EDGE:
            raise LayoutError(f"{text!r} does not fit: {box} in {width}x{height}")
        for other, line in zip(self.boxes, self.lines, strict=True):
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            if not apart:
                raise LayoutError(f"{text!r} is drawn over {line!r}")


def wrap(text: str, pen: Pen, width: float) -> list[str]:
    """Break a paragraph into lines, narrower if the last line would be very short."""
    lines = _fill(text, pen, width)
    for narrower in (0.97, 0.94, 0.91, 0.88, 0.85):
        if len(lines) == 1 or pen.width(lines[-1]) >= 0.2 * width:
            break
        lines = _fill(text, pen, width * narrower)
    return lines


def _fill(text: str, pen: Pen, width: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for token in _tokens(text):
        if line and pen.width((line + token).rstrip()) > width:
            lines.append(line.strip())
            line = ""
        line += token
    return [*lines, line.strip()]


def _tokens(text: str) -> list[str]:
    """Split a text where it may be broken: between Han characters and around words."""
    tokens: list[str] = []
    for token in TOKEN.findall(text):
        closes = category(token[0]) in NOT_FIRST
        if tokens and (closes or category(tokens[-1][-1]) in NOT_LAST):
            tokens[-1] += token
        else:
            tokens.append(token)
    return tokens
