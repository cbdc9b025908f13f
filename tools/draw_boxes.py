"""Draw the server's answer on its image: the boxes, and the text next to the image.

    curl -s -F file=@imgs/mixed.jpg http://127.0.0.1:8888/ocr_service > answer.json
    python tools/draw_boxes.py imgs/mixed.jpg answer.json docs/images/example.png

The answer is the JSON of POST /ocr_service or POST /ocr in the format `json`. Boxes are drawn as
with `format=image`, texts with the fonts in tools/pages/fonts.py.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from pages.fonts import MissingFontError, load_font

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ocr_engine.geometry import Quad
from ocr_engine.images.drawing import COLOURS, draw_lines
from ocr_engine.result import Line, Page
from ocr_engine.result_json import from_json

FACE = "sans"
TEXT_COLOUR = (24, 24, 24)
SMALLEST_FONT = 8


def main() -> int:
    """Draw and save; returns the exit status."""
    arguments = _parse()
    try:
        page = read_page(arguments.answer)
        with Image.open(arguments.image) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        drawn = side_by_side(draw_boxes(image, page), draw_texts(image.size, page.lines))
        if arguments.width and drawn.width > arguments.width:
            drawn = ImageOps.contain(drawn, (arguments.width, drawn.height))
        drawn.save(arguments.output, optimize=True)
    except (OSError, ValueError, KeyError, TypeError, MissingFontError) as error:
        print(f"draw_boxes: {error}", file=sys.stderr)
        return 1
    return 0


def read_page(answer: Path) -> Page:
    """The data of an answer; ValueError with the server's message if it is an error."""
    content = json.loads(answer.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "data" not in content:
        problem = content.get("error", {}) if isinstance(content, dict) else {}
        message = problem.get("message", "no `data` in it; ask for format=json")
        raise ValueError(f"{answer} is not a successful answer: {message}")
    (page,) = from_json(content["data"]).pages
    return page


def draw_boxes(image: Image.Image, page: Page) -> Image.Image:
    """The image with the box and the number of every line."""
    canvas = np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
    return Image.fromarray(np.ascontiguousarray(draw_lines(canvas, page)[:, :, ::-1]))


def draw_texts(size: tuple[int, int], lines: Sequence[Line]) -> Image.Image:
    """A white page of that size with every text in its box, as large as possible."""
    page = Image.new("RGB", size, "white")
    canvas = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        left, top, right, bottom = _upright(line.box)
        font = load_font(FACE, _font_size(line.text, right - left, bottom - top))
        middle = (top + bottom) / 2
        canvas.text((left, middle), line.text, fill=TEXT_COLOUR, font=font, anchor="lm")
        canvas.rectangle((left - 12, top, left - 8, bottom), fill=_colour(number))
    return page


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both images in one row."""
    row = Image.new("RGB", (left.width + right.width, max(left.height, right.height)), "white")
    row.paste(left, (0, 0))
    row.paste(right, (left.width, 0))
    return row


def _upright(box: Quad) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the box after rotating it upright around its center."""
    top_left, top_right, _, bottom_left = box
    width, height = math.dist(top_left, top_right), math.dist(top_left, bottom_left)
    x, y = (sum(corner[axis] for corner in box) / 4 for axis in (0, 1))
    return round(x - width / 2), round(y - height / 2), round(x + width / 2), round(y + height / 2)


def _font_size(text: str, width: int, height: int) -> int:
    """The largest font size in pixels at which the text fits into its box."""
    size = max(height * 7 // 8, SMALLEST_FONT)
    length = load_font(FACE, size).getlength(text)
    return max(min(size, int(size * width / max(length, 1))), SMALLEST_FONT)


def _colour(number: int) -> tuple[int, int, int]:
    blue, green, red = COLOURS[number % len(COLOURS)]
    return red, green, blue


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("image", type=Path, help="the image that was sent")
    parser.add_argument("answer", type=Path, help="the server's JSON answer")
    parser.add_argument("output", type=Path, help="the image to write")
    parser.add_argument("--width", type=int, default=0, help="maximum width in pixels")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
