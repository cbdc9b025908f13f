"""How well the text of an image can be seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr_engine.geometry import LevelBox
from ocr_engine.images.decode import ImageArray
from ocr_engine.images.quality import quality_of
from ocr_engine.result import Line, Page
from tests.support.made_pages import image_document

WIDTH, HEIGHT, TOP, STEP = 640, 400, 20, 60
TEXTS = ("The quick brown fox", "jumps over the lazy dog", "and runs away", "0123456789", "again")


def drawn(ink: int = 0, ground: int = 255, size: int = 32) -> ImageArray:
    image = Image.new("RGB", (WIDTH, HEIGHT), (ground,) * 3)
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(TEXTS):
        place = (20, TOP + STEP * number)
        draw.text(place, text, fill=(ink,) * 3, font=ImageFont.load_default(size))
    return np.array(image)


def page(confidence: float = 0.5, size: int = 32, scale: int = 1) -> Page:
    """The page of drawn(), whose text was read with this confidence."""
    lines = []
    for number, text in enumerate(TEXTS):
        top = TOP + STEP * number
        box = LevelBox(15, top - 2, 400, top + round(1.25 * size))
        lines.append(Line(text, confidence, LevelBox(*(side * scale for side in box)).quad))
    (made,) = image_document(WIDTH * scale, HEIGHT * scale, lines).pages
    return made


def test_sharp_text_is_sharper_than_blurred_text() -> None:
    values = []
    for blur in (0, 2, 4, 8):
        pixels = drawn() if not blur else cv2.GaussianBlur(drawn(), (0, 0), blur).astype(np.uint8)
        found = quality_of(pixels, page())
        assert found is not None
        values.append(found.sharpness)
        assert ("blurred" in found.problems) == (blur >= 4)
    assert values == sorted(values, reverse=True)


def test_dark_text_on_white_has_all_contrast_and_faint_text_little() -> None:
    full, faint = quality_of(drawn(), page()), quality_of(drawn(ink=225), page())
    assert full is not None
    assert faint is not None
    assert full.contrast == pytest.approx(1, abs=0.05)
    assert faint.contrast == pytest.approx(30 / 255, abs=0.03)
    assert "faint" in faint.problems
    assert "faint" not in full.problems


def test_small_text_is_told_in_pixels_of_the_page() -> None:
    small = quality_of(drawn(size=8), page(size=8))
    assert small is not None
    assert small.text_height == pytest.approx(10, abs=1)
    # the page is that of an image that was read at half its size
    larger = quality_of(drawn(size=8), page(size=8, scale=2))
    assert larger is not None
    assert larger.text_height == pytest.approx(20, abs=1)


def test_text_that_is_read_well_is_no_problem() -> None:
    blurred = cv2.GaussianBlur(drawn(ink=225), (0, 0), 4).astype(np.uint8)
    found = quality_of(blurred, page(confidence=0.99))
    assert found is not None
    assert found.problems == ()


def test_a_page_without_lines_has_no_quality() -> None:
    (empty,) = image_document(WIDTH, HEIGHT, ()).pages
    assert quality_of(drawn(), empty) is None


@pytest.mark.parametrize(
    "box", [(0, 0, 1, 1), (639, 399, 640, 400), (0, 0, 640, 1), (0, 0, 1, 400)]
)
def test_boxes_of_any_shape(box: tuple[int, int, int, int]) -> None:
    (made,) = image_document(WIDTH, HEIGHT, [Line("a", 0.5, LevelBox(*box).quad)]).pages
    found = quality_of(drawn(), made)
    assert found is not None
    assert 0 <= found.sharpness <= 1
