"""Pages on their side, upside down and skewed are read as if they were upright, with real weights.

The pages are those of tests/data, rotated here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr_engine.images.decode import DecodedImage, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import Orientation, RecognitionOptions
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from ocr_engine.result import Page

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"
TEXTS = (
    "document_en_garden.png",
    "document_zh_minutes.png",
    "document_mixed_report.png",
    "receipt_en_cafe.png",
    "receipt_zh_noodles.png",
)
NUMBERS = ("table_digits_ledger.png", "table_digits_groups.png", "special_numbers_alone.png")


@pytest.fixture(scope="module")
def reader() -> Recognizer:
    models = catalogue_set("PP-OCRv6_small")
    return load_recognizer(EngineSettings("openvino", models, precision="f32"))


def image(name: str, angle: int = 0, skew: float = 0.0) -> DecodedImage:
    """A page rotated counter-clockwise by `angle`, so that it must be rotated back clockwise."""
    pixels = decode((PAGES / name).read_bytes(), 40_000_000).pixels
    if skew:
        whole = Image.fromarray(pixels)
        pixels = np.array(
            whole.rotate(
                skew, Image.Resampling.BICUBIC, expand=True, fillcolor=whole.getpixel((2, 2))
            )
        )
    return DecodedImage(np.ascontiguousarray(np.rot90(pixels, angle // 90)))


def read(
    reader: Recognizer, image: DecodedImage, orientation: Orientation = "auto", **others: object
) -> Page:
    options = RecognitionOptions(orientation=orientation, **others)  # type: ignore[arg-type]
    (page,) = reader.recognize(image, options).result.pages
    return page


def texts(page: Page) -> list[str]:
    return [line.text for line in page.lines]


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("name", TEXTS)
def test_a_turned_page_is_read_like_the_upright_one(
    reader: Recognizer, name: str, angle: int
) -> None:
    upright, turned = read(reader, image(name)), read(reader, image(name, angle))
    assert (upright.angle, turned.angle) == (0, angle)
    assert texts(turned) == texts(upright)
    sizes = {(upright.width, upright.height), (upright.height, upright.width)}
    assert (turned.width, turned.height) in sizes
    assert (turned.width == upright.width) is (angle == 180)
    assert [len(block.lines) for block in turned.blocks] == [
        len(block.lines) for block in upright.blocks
    ]


def test_boxes_are_those_in_the_image_that_was_sent(reader: Recognizer) -> None:
    name = TEXTS[0]
    upright = read(reader, image(name))
    turned = read(reader, image(name, 90), granularity="word")
    for line, same in zip(turned.lines, upright.lines, strict=True):
        (left, top), _, (right, bottom), _ = line.box
        # rotated counter-clockwise: to the right became up
        (old_left, old_top), _, (old_right, old_bottom), _ = same.box
        expected = old_top, upright.width - old_right, old_bottom, upright.width - old_left
        assert (left, top, right, bottom) == pytest.approx(expected, abs=3)
        assert line.words
        bottoms = [word.box[2][1] for word in line.words]
        assert bottoms == sorted(bottoms, reverse=True)
        for word in line.words:
            (word_left, word_top), _, (word_right, word_bottom), _ = word.box
            assert top - 3 <= word_top < word_bottom <= bottom + 3
            assert (word_left, word_right) == pytest.approx((left, right), abs=6)


@pytest.mark.parametrize(("angle", "skew"), [(0, 7.0), (0, -7.0), (90, 6.0), (270, -6.0)])
def test_a_skewed_page_keeps_its_order_and_blocks(
    reader: Recognizer, angle: int, skew: float
) -> None:
    name = "receipt_en_cafe.png"
    upright = read(reader, image(name))
    skewed = read(reader, image(name, angle, skew))
    assert skewed.angle == angle
    assert texts(skewed) == texts(upright)
    assert [len(block.lines) for block in skewed.blocks] == [
        len(block.lines) for block in upright.blocks
    ]


@pytest.mark.faults(52)
@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_numbers_alone_never_turn_a_page(reader: Recognizer, name: str, angle: int) -> None:
    page = read(reader, image(name, angle))
    assert page.angle == 0
    if angle == 0:
        assert texts(page) == texts(read(reader, image(name), orientation="off"))


def test_numbers_are_turned_by_the_option(reader: Recognizer) -> None:
    name = NUMBERS[0]
    upright = read(reader, image(name))
    for angle, orientation in ((90, "90"), (180, "180"), (270, "270")):
        turned = read(reader, image(name, angle), orientation)  # type: ignore[arg-type]
        assert turned.angle == angle
        assert texts(turned) == texts(upright)


def test_a_page_that_is_not_to_be_turned_is_read_as_it_lies(reader: Recognizer) -> None:
    name = TEXTS[0]
    upright = read(reader, image(name))
    as_it_lies = read(reader, image(name, 180), "off")
    assert as_it_lies.angle == 0
    assert texts(as_it_lies) == texts(upright)[::-1]
    wrong = read(reader, image(name, 180), "180", use_angle_cls=False)
    assert (wrong.angle, texts(wrong)) == (180, texts(upright))
    assert read(reader, image(name, 180), use_angle_cls=False).angle == 0


def test_a_page_half_of_which_is_upside_down_stays(reader: Recognizer) -> None:
    half = image(TEXTS[0]).pixels
    both = np.concatenate((half, half[::-1, ::-1]))
    page = read(reader, DecodedImage(np.ascontiguousarray(both)))
    once = texts(read(reader, DecodedImage(half)))
    assert page.angle == 0
    assert texts(page) == once + once[::-1]


def test_columns_are_read_from_the_right_and_do_not_turn_the_page(reader: Recognizer) -> None:
    """Columns made of the characters of a line, which stand upright below each other."""
    line = read(reader, image("document_zh_library.png"), granularity="char").lines[1]
    pixels = image("document_zh_library.png").pixels
    assert line.glyphs
    chosen = [glyph for glyph in line.glyphs if glyph.text.isalpha()][:21]
    side = line.box[2][1] - line.box[0][1]
    sheet = np.full((10 * side, 9 * side, 3), 255, dtype=np.uint8)
    for place, glyph in enumerate(chosen):
        (left, top), _, (right, bottom), _ = glyph.box
        x, y = 7 * side - 2 * side * (place // 7), side + side * (place % 7)
        sheet[y : y + bottom - top, x : x + right - left] = pixels[top:bottom, left:right]
    expected = ["".join(glyph.text for glyph in chosen[n : n + 7]) for n in (0, 7, 14)]
    page = read(reader, DecodedImage(sheet))
    assert (page.angle, texts(page)) == (0, expected)
    as_it_lies = read(reader, DecodedImage(sheet), "off")
    assert texts(as_it_lies) == expected
    assert [as_it_lies.lines[place].text for place in as_it_lies.raster] == expected[::-1]
    upside_down = DecodedImage(np.ascontiguousarray(sheet[::-1, ::-1]))
    turned = read(reader, upside_down)
    assert (turned.angle, texts(turned)) == (180, expected)
