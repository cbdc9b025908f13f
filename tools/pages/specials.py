"""Images with a special format, with a special direction, or without text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from pages.encode import jpeg, png
from pages.papers import draw_document
from pages.sheet import Pen, Sheet
from pages.spec import Colour, read_specs

SIGN_LINES = ("北门书店", "OPEN EVERY DAY")
STRIPS = ("东河渔产市场", "西岭茶园旅舍", "南桥修表小铺", "北巷花鸟书屋")
ORDER = (
    "Pencils 6 98 89.6",
    "Paper 9 86 680",
    "Ink 16 668 8,099",
    "Clips 66 99 916",
    "Glue 90 19 9809",
    "Tape 81 61 6,986",
    "Cards 68 8 689608",
)
INK: Colour = (24, 28, 40)
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

# how to store an upright image so that EXIF orientation N shows it upright again
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Special:
    """One special image: its file name, what is special, its bytes and its lines."""

    file: str
    what: str
    content: bytes
    lines: tuple[str, ...]


def draw_specials() -> Iterator[Special]:
    """Draw all special images in a fixed order."""
    yield from _directions()
    yield from _numbers()
    yield from _orientations()
    yield from _formats()
    yield from _frames()
    yield from _empties()


def _directions() -> Iterator[Special]:
    """Draw upside-down pages, vertical lines, and a rotated page."""
    head, turned = (draw_document(spec) for spec in read_specs("special"))
    lines = tuple(head.lines)
    yield Special("upright.png", "the page that upside_down.png turns", png(head.image), lines)
    yield Special(
        "upside_down.png",
        "upright.png rotated by 180 degrees; lines stand as on the upright page, "
        "from the bottom of this image to its top",
        png(head.image.transpose(Image.Transpose.ROTATE_180)),
        lines,
    )
    yield Special(
        "vertical_down.png",
        "strips turned clockwise, read from top to bottom; np.rot90 of a strip is upright; "
        "lines from left to right",
        png(_strips(Image.Transpose.ROTATE_270)),
        STRIPS,
    )
    yield Special(
        "vertical_up.png",
        "strips turned counter-clockwise, read from bottom to top; np.rot90 of a strip is "
        "upside down; lines from left to right",
        png(_strips(Image.Transpose.ROTATE_90)),
        STRIPS,
    )
    slanted = turned.image.rotate(3, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE).filter(
        ImageFilter.GaussianBlur(0.4)
    )
    yield Special(
        "turned_3_degrees.png",
        "a page turned counter-clockwise by 3 degrees, two boxes on most rows",
        png(slanted),
        tuple(turned.lines),
    )


def _numbers() -> Iterator[Special]:
    """Draw an order whose numbers are also numbers upside down, in several variants."""
    rows = [row.split() for row in ORDER]
    order = _table(rows)
    bare = _table([row[1:] for row in rows])
    yield Special(
        "numbers.png",
        "numbers that are others when turned",
        png(order.image),
        tuple(order.lines),
    )
    yield Special(
        "numbers_upside_down.png",
        "numbers.png rotated by 180 degrees; lines stand as on the upright page",
        png(order.image.transpose(Image.Transpose.ROTATE_180)),
        tuple(order.lines),
    )
    yield Special(
        "numbers_alone.png",
        "numbers.png without its words",
        png(bare.image),
        tuple(bare.lines),
    )


def _table(rows: list[list[str]]) -> Sheet:
    """Write rows of cells, alternating small and large ones."""
    sheet = Sheet((90 * len(rows[0]) + 20, 34 * len(rows) + 20), WHITE)
    for down, row in enumerate(rows):
        pen = Pen("dejavu" if down % 2 else "sans", 18 - down % 3, BLACK)
        for across, cell in enumerate(row):
            sheet.write((20 + 90 * across, 34 * down + 36), cell, pen)
    return sheet


def _strips(turn: Image.Transpose) -> Image.Image:
    """Draw each strip horizontally, rotate it, and place the strips next to each other."""
    image = Image.new("RGB", (150 * len(STRIPS) + 60, 460), WHITE)
    for number, text in enumerate(STRIPS):
        strip = Sheet((360, 80), WHITE)
        strip.write((180, 40), text, Pen("sans", 52, INK), "mm")
        image.paste(strip.image.transpose(turn), (65 + 150 * number, 50))
    return image


def _sign(lines: tuple[str, str] = SIGN_LINES) -> Image.Image:
    """Draw the small sign that is saved in every format."""
    sheet = Sheet((320, 120), (246, 240, 222))
    sheet.write((160, 38), lines[0], Pen("sans-bold", 42, INK), "mm")
    sheet.write((160, 90), lines[1], Pen("dejavu-bold", 26, INK), "mm")
    return sheet.image


def _lettering() -> Image.Image:
    """Return the sign as dark letters on transparency: RGBA, black where there is no letter."""
    grey = ImageOps.autocontrast(_sign().convert("L"))
    letters = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    letters.putalpha(ImageOps.invert(grey))
    return letters


def _orientations() -> Iterator[Special]:
    for orientation in range(1, 9):
        stored = _sign()
        if orientation in STORED:
            stored = stored.transpose(STORED[orientation])
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        yield Special(
            f"exif_{orientation}.jpg",
            f"the sign, upright once EXIF orientation {orientation} is applied",
            _saved(stored, "JPEG", quality=85, exif=exif),
            SIGN_LINES,
        )


def _formats() -> Iterator[Special]:
    """Save the sign in every common format and mode."""
    sign, letters = _sign(), _lettering()
    grey = sign.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    clear = letters.quantize(16, Image.Quantize.FASTOCTREE)
    images = (
        ("sign_cmyk.jpg", "CMYK JPEG", _saved(sign.convert("CMYK"), "JPEG", quality=85)),
        (
            "sign_progressive.jpg",
            "progressive JPEG",
            _saved(sign, "JPEG", quality=85, progressive=True),
        ),
        ("sign_grey16.png", "16-bit grey PNG", _saved(deep, "PNG")),
        ("sign_grey8.png", "8-bit grey PNG", _saved(grey, "PNG")),
        ("sign_palette_clear.png", "palette PNG, dark text on transparency", _saved(clear, "PNG")),
        (
            "sign_rgba_clear.png",
            "RGBA PNG, black text on transparent black",
            _saved(letters, "PNG"),
        ),
        ("sign.bmp", "24-bit BMP", _saved(sign, "BMP")),
        ("sign_lossy.webp", "lossy WebP", _saved(sign, "WEBP", quality=80)),
        ("sign_lossless.webp", "lossless WebP", _saved(sign, "WEBP", lossless=True)),
    )
    for file, what, content in images:
        yield Special(file, f"the sign as {what}", content, SIGN_LINES)


def _frames() -> Iterator[Special]:
    """Save the sign as the first of several frames or pages with other texts."""
    sign = _sign()
    others = [_sign(("南门花店", "CLOSED TODAY")), _sign(("东门茶店", "BACK AT NOON"))]
    gif = _saved(sign, "GIF", save_all=True, append_images=others, duration=400, loop=0)
    yield Special("sign_3_frames.gif", "GIF of 3 frames, lines of the first", gif, SIGN_LINES)
    tiff = _saved(sign, "TIFF", save_all=True, append_images=others[:1], compression="tiff_lzw")
    yield Special("sign_2_pages.tif", "LZW TIFF of 2 pages, lines of the first", tiff, SIGN_LINES)


def _empties() -> Iterator[Special]:
    white = Image.new("RGB", (320, 240), WHITE)
    black = Image.new("RGB", (320, 240), (0, 0, 0))
    yield Special("white.png", "all white, no text", png(white), ())
    yield Special("black.jpg", "all black, no text", jpeg(black), ())


def _saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
