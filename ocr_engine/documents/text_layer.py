"""The text that a page of a PDF has, as a result. Runs in a renderer.

Nothing makes sure that this text is what one sees: a document may map its letters to others. So it
is used only where it was asked for, and then only if it looks sound.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium_c

from ocr_engine.errors import PageFailed
from ocr_engine.geometry import LevelBox, around, level_box
from ocr_engine.layout.page import lay_out
from ocr_engine.options import Granularity
from ocr_engine.result import Document, Glyph, Line, Page
from ocr_engine.stages.reading_order import page_skew, reading_order
from ocr_engine.stages.words import words_of

MOST_CHARACTERS = 200_000
LEAST_CHARACTERS = 10  # of a sound text
MOST_UNSOUND = 0.02  # of its characters, as a share
MOST_IMAGES = 0.5  # of the page's area: more of it may have text that is not in the text layer
MOST_OBJECTS = 10_000
SMALLEST = 2.0  # points; what is smaller, nobody reads
PALE = 240  # from which red, green and blue together are no colour for text, on white
GAP = 3.0  # times the height of the line: what is further apart is another line

_HYPHEN = 0x02  # PDFium's sign for one at the end of a line
_UNKNOWN = frozenset((0xFFFD, 0xFFFE, 0xFFFF))


@dataclass(frozen=True, slots=True)
class _Character:
    """A character that the page has. box: in pixels; None for spaces."""

    text: str
    box: LevelBox | None
    sound: bool


def text_of_page(
    page: Any, size: tuple[int, int], granularity: Granularity, whatever: bool
) -> Document | None:
    """The page's text, with boxes in pixels of the page at this size; None if it is not sound.

    whatever: also if it is not. PageFailed if it has more than MOST_CHARACTERS.
    """
    text_page = page.get_textpage()
    if text_page.count_chars() > MOST_CHARACTERS:
        raise PageFailed(f"the page has more than {MOST_CHARACTERS} characters")
    found = list(_characters(text_page, _Placing(page, size)))
    if not whatever and not (_is_sound(found) and _image_share(page) <= MOST_IMAGES):
        return None
    return _document(list(_lines(found)), size, granularity)


class _Placing:
    """Converts places on a page, in points, to pixels of its image."""

    def __init__(self, page: Any, size: tuple[int, int]) -> None:
        self._size = size
        self._box = page.get_bbox()
        self._rotation = page.get_rotation()
        width, height = page.get_size()
        self._scale = size[0] / width, size[1] / height

    def box(self, left: float, bottom: float, right: float, top: float) -> LevelBox:
        """The level box around two corners."""
        corners = [self._point(left, bottom), self._point(right, top)]
        across, down = zip(*corners, strict=True)
        return LevelBox(round(min(across)), round(min(down)), round(max(across)), round(max(down)))

    def shows(self, box: LevelBox) -> bool:
        """Whether a part of the box is on the page."""
        width, height = self._size
        return box.left < width and box.top < height and box.right > 0 and box.bottom > 0

    def _point(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, right, top = self._box
        placed = {
            0: (x - left, top - y),
            90: (y - bottom, x - left),
            180: (right - x, y - bottom),
            270: (top - y, right - x),
        }[self._rotation]
        return placed[0] * self._scale[0], placed[1] * self._scale[1]


def _characters(text_page: Any, placing: _Placing) -> Iterator[_Character]:
    """The characters that are on the page, and the spaces and line ends between them."""
    rectangle = pdfium_c.FS_RECTF()
    colour = [ctypes.c_uint() for _ in range(4)]
    high = 0
    for index in range(text_page.count_chars()):
        point = pdfium_c.FPDFText_GetUnicode(text_page, index)
        if 0xD800 <= point < 0xDC00:
            high = point
            continue
        if 0xDC00 <= point < 0xE000 and high:
            point = 0x10000 + ((high - 0xD800) << 10) + (point - 0xDC00)
        high = 0
        if point in (0x0A, 0x0D):
            yield _Character("\n", None, True)
            continue
        text = "-" if point == _HYPHEN else chr(point) if point else "\ufffd"
        if text.isspace():
            yield _Character(" ", None, True)
            continue
        if not pdfium_c.FPDFText_GetLooseCharBox(text_page, index, rectangle):
            continue
        box = placing.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        if placing.shows(box):
            sound = not _is_odd(point) and _is_visible(text_page, index, rectangle, colour)
            yield _Character(text if not 0xD800 <= point < 0xE000 else "\ufffd", box, sound)


def _is_odd(point: int) -> bool:
    """Whether it is no character that text has."""
    private = 0xE000 <= point < 0xF900 or point >= 0xF0000
    return (
        (point < 0x20 and point != _HYPHEN)
        or private
        or 0xD800 <= point < 0xE000
        or (point in _UNKNOWN)
    )


def _is_visible(text_page: Any, index: int, rectangle: Any, colour: Sequence[Any]) -> bool:
    """Whether it is drawn, not tiny, not transparent, and not as pale as the paper."""
    if pdfium_c.FPDFText_HasUnicodeMapError(text_page, index) == 1:
        return False
    if abs(rectangle.top - rectangle.bottom) < SMALLEST:
        return False
    drawn = pdfium_c.FPDFText_GetTextObject(text_page, index)
    hidden = (pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP)
    if drawn and pdfium_c.FPDFTextObj_GetTextRenderMode(drawn) in hidden:
        return False
    if not pdfium_c.FPDFText_GetFillColor(text_page, index, *colour):
        return True
    red, green, blue, alpha = (int(each.value) for each in colour)
    return alpha > 0 and min(red, green, blue) < PALE


def _is_sound(found: Sequence[_Character]) -> bool:
    drawn = [each.sound for each in found if each.box is not None]
    return len(drawn) >= LEAST_CHARACTERS and drawn.count(False) <= MOST_UNSOUND * len(drawn)


def _image_share(page: Any) -> float:
    """How much of the page images cover, as a share of its area; 1 if there are too many parts."""
    left, bottom, right, top = page.get_bbox()
    area = covered = 0.0
    area = (right - left) * (top - bottom)
    for number, item in enumerate(page.get_objects(max_depth=4)):
        if number >= MOST_OBJECTS:
            return 1.0
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            a, b, c, d = item.get_bounds()
            across = min(c, right) - max(a, left)
            down = min(d, top) - max(b, bottom)
            covered += max(0.0, across) * max(0.0, down)
    return covered / area if area else 1.0


def _lines(found: Sequence[_Character]) -> Iterator[list[_Character]]:
    """The characters of each line; a wide gap, or a step back, begins another one."""
    line: list[_Character] = []
    last: LevelBox | None = None
    for each in found:
        ends = each.text == "\n" and each.box is None
        if each.box is not None and last is not None:
            ends = _is_apart(last, each.box)
        if ends:
            yield line
            line, last = [], None
        if each.text != "\n":
            line.append(each)
            last = each.box or last
    yield line


def _is_apart(before: LevelBox, after: LevelBox) -> bool:
    """Whether two characters that follow each other are too far apart to be in one line."""
    height = max(before.bottom - before.top, 1)
    width = max(before.right - before.left, 1)
    reach = GAP * max(min(height, 4 * width), width)
    across = max(after.left - before.right, before.left - after.right)
    down = max(after.top - before.bottom, before.top - after.bottom)
    return max(across, down) > reach


def _document(
    lines: Sequence[Sequence[_Character]], size: tuple[int, int], granularity: Granularity
) -> Document:
    found = [line for line in map(_line, lines) if line is not None]
    order = reading_order([np.array(line.box, dtype=np.float32) for line in found])
    found = [_with_parts(found[index], granularity) for index in order]
    corners = np.array([line.box for line in found], dtype=np.float64)
    skew = page_skew(corners) if found else 0.0
    blocks, raster = lay_out(found, corners, skew, size[1])
    return Document((Page(*size, blocks, raster=raster),))


def _line(characters: Sequence[_Character]) -> Line | None:
    """A line with its characters; None if it has only spaces."""
    text = " ".join("".join(each.text for each in characters).split())
    glyphs = tuple(
        Glyph(each.text, 1.0, each.box.quad) for each in characters if each.box is not None
    )
    if not glyphs:
        return None
    box = around(level_box(glyph.box) for glyph in glyphs)
    return Line(text, 1.0, box.quad, glyphs=glyphs)


def _with_parts(line: Line, granularity: Granularity) -> Line:
    """The line with the parts that were asked for."""
    words = words_of(line) if granularity == "word" else None
    glyphs = line.glyphs if granularity == "char" else None
    return Line(line.text, line.confidence, line.box, words, glyphs)
