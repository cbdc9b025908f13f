"""Boxes of words and characters compared with known glyphs, with real weights.

Latin text is drawn here in Pillow's own font. Chinese text is that of the special images, whose
characters are on a grid (tools/pages/specials.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr_engine.geometry import Quad
from ocr_engine.images.decode import DecodedImage, ImageArray, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import Granularity, RecognitionOptions
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from ocr_engine.result import Line, TextPart
from ocr_engine.stages.words import split_words

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"
LINES = (
    "The quick brown fox jumps over 13 lazy dogs",
    "Total amount due: $1,234.56 (incl. 7% VAT)",
    "Meet me at Westmere station before 9:45 pm",
    "Wide words: MAXIMUM, WINDOW; narrow: little",
)
MARGIN = 40
FEWEST = {"word": 6, "char": 35}  # upside-down lines may be misread
SQUARE = 52  # of a Chinese character in the special images

Span = tuple[float, float]


class Glyph(NamedTuple):
    """A character and the level box of its ink."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def typeset(size: int) -> tuple[ImageArray, list[list[Glyph]]]:
    """The lines in black on white, and the place of each glyph."""
    font = ImageFont.load_default(size)
    step = round(size * 2.4)
    width = round(max(font.getlength(line) for line in LINES)) + 2 * MARGIN
    page = Image.new("L", (width, step * len(LINES) + 2 * MARGIN), 255)
    truth = []
    for number, line in enumerate(LINES):
        x, y = MARGIN, MARGIN + number * step
        glyphs = []
        for character in line:
            ink = Image.new("L", page.size, 255)
            ImageDraw.Draw(ink).text((x, y), character, 0, font)
            box = Image.eval(ink, lambda level: 255 - level).getbbox()
            if box is not None:
                glyphs.append(Glyph(character, *box))
                page.paste(ink.crop(box), box[:2], Image.eval(ink.crop(box), lambda v: 255 - v))
            x += round(font.getlength(character))
        truth.append(glyphs)
    grey = np.asarray(page)
    return np.repeat(grey[:, :, None], 3, axis=2), truth


def rotated(pixels: ImageArray, degrees: float) -> tuple[ImageArray, np.ndarray]:
    """The image rotated counter-clockwise, and the matrix that rotates points."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(height * sin + width * cos), round(height * cos + width * sin)
    matrix[0, 2] += (size[0] - width) / 2
    matrix[1, 2] += (size[1] - height) / 2
    turned = cv2.warpAffine(
        pixels, matrix, size, flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255)
    )
    return turned.astype(np.uint8), matrix


def straightened(quad: Quad, matrix: np.ndarray) -> Span:
    """The extent of a box along the line, on the page before rotation."""
    corners = cv2.transform(np.array([quad], np.float64), cv2.invertAffineTransform(matrix))[0]
    left, also_left, right, also_right = sorted(float(x) for x, _ in corners)
    return (left + also_left) / 2, (right + also_right) / 2


def overlap(one: Span, other: Span) -> float:
    """Intersection over union along the line."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    return max(both, 0.0) / (max(one[1], other[1]) - min(one[0], other[0]))


def overlaps(parts: Sequence[TextPart], glyphs: list[Glyph], matrix: np.ndarray) -> list[float]:
    """The overlap of each part with its glyphs."""
    found = []
    start = 0
    for part in parts:
        mine = glyphs[start : start + len(part.text)]
        start += len(part.text)
        true = min(glyph.left for glyph in mine), max(glyph.right for glyph in mine)
        found.append(overlap(straightened(part.box, matrix), true))
    return found


def check_line(line: Line, granularity: Granularity) -> None:
    """Check that the parts match the text, lie in the box, and do not overlap."""
    parts = line.parts
    assert "".join(part.text for part in parts) == "".join(line.text.split())
    if granularity == "word":
        assert [part.text for part in parts] == [line.text[a:b] for a, b in split_words(line.text)]
    else:
        assert all(len(part.text) == 1 for part in parts)
    hull = np.array(line.box, dtype=np.float32)
    for part in parts:
        for corner in part.box:
            assert cv2.pointPolygonTest(hull, (float(corner[0]), float(corner[1])), True) >= -1.5
    start, end = np.array(line.box[0]), np.array(line.box[2])
    along = (end - start) / np.linalg.norm(end - start)
    middles = [np.mean(part.box, axis=0) @ along for part in parts]
    assert middles in (sorted(middles), sorted(middles, reverse=True))
    for one, other in pairwise(parts):
        shared, _ = cv2.intersectConvexConvex(
            np.array(one.box, dtype=np.float32), np.array(other.box, dtype=np.float32)
        )
        across = min(math.dist(line.box[0], line.box[1]), math.dist(line.box[0], line.box[3]))
        assert shared <= 2.0 * across


@pytest.fixture(scope="module")
def reader() -> Recognizer:
    models = catalogue_set("PP-OCRv6_small")
    return load_recognizer(EngineSettings("openvino", models, precision="f32"))


Mean = Callable[[float, int, Granularity], float]


@pytest.fixture(scope="module")
def mean_overlap(reader: Recognizer) -> Mean:
    """Over all words or characters of lines drawn in this size and rotated by these degrees."""

    def measure(degrees: float, size: int, granularity: Granularity) -> float:
        pixels, truth = typeset(size)
        page, matrix = rotated(pixels, degrees)
        lines = reader.recognize(DecodedImage(page), RecognitionOptions(granularity=granularity))
        found = []
        for glyphs, text in zip(truth, LINES, strict=True):
            for line in lines.result.lines:
                if line.text.replace(" ", "") == text.replace(" ", ""):
                    check_line(line, granularity)
                    found += overlaps(line.parts, glyphs, matrix)
        assert len(found) >= FEWEST[granularity], [line.text for line in lines.result.lines]
        print(f"{granularity}s, {size} px, {degrees} degrees: {np.mean(found):.3f}")
        return float(np.mean(found))

    return measure


@pytest.mark.parametrize("size", [18, 32])
@pytest.mark.parametrize("degrees", [0, 3, -7, 90, 180, 270])
def test_words_of_lines_in_every_direction(mean_overlap: Mean, degrees: int, size: int) -> None:
    assert mean_overlap(degrees, size, "word") > 0.9


@pytest.mark.parametrize("degrees", [0, 3, -7, 90, 180, 270])
def test_characters_of_lines_in_every_direction(mean_overlap: Mean, degrees: int) -> None:
    assert mean_overlap(degrees, 32, "char") > 0.7


@pytest.mark.parametrize("granularity", ["word", "char"])
@pytest.mark.parametrize(("name", "step"), [("down", SQUARE), ("up", -SQUARE)])
def test_chinese_crops_that_run_down_and_up(
    reader: Recognizer, name: str, step: int, granularity: Granularity
) -> None:
    image = decode((PAGES / f"special_vertical_{name}.png").read_bytes(), 10**6)
    lines = reader.recognize(image, RecognitionOptions(granularity=granularity)).result.lines
    dark = image.pixels.min(axis=2) < 128
    found = []
    for number, line in enumerate(lines):
        check_line(line, granularity)
        columns = dark[:, 65 + 150 * number : 65 + 150 * number + 80].any(axis=1)
        middle = 50 + 180 - step * (len(line.text) - 1) / 2
        for place, part in enumerate(line.parts):
            first = round(middle + step * place - SQUARE / 2)
            inked = first + np.flatnonzero(columns[first : first + SQUARE])
            ys = sorted(y for _, y in part.box)
            got = (ys[0] + ys[1]) / 2, (ys[2] + ys[3]) / 2
            found.append(overlap(got, (inked[0], inked[-1] + 1)))
    assert len(found) == 6 * 4
    print(f"{granularity}s of crops that run {name}: {np.mean(found):.3f}")
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("granularity", ["word", "char"])
def test_the_lines_are_those_without_words(reader: Recognizer, granularity: Granularity) -> None:
    for name in ("receipt_mixed_bakery.png", "special_turned_3_degrees.png", "sign_zh_exit.png"):
        image = decode((PAGES / name).read_bytes(), 10**7)
        plain = reader.recognize(image, RecognitionOptions()).result.lines
        fine = reader.recognize(image, RecognitionOptions(granularity=granularity)).result.lines
        bare = [Line(line.text, line.confidence, line.box) for line in fine]
        assert bare == list(plain)
        for line in fine:
            check_line(line, granularity)
        if granularity == "char":
            for line in fine:
                if " " not in line.text:
                    mean = np.mean([part.confidence for part in line.parts])
                    assert mean == pytest.approx(line.confidence, abs=2e-4)
