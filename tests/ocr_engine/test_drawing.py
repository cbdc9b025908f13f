"""Boxes drawn over the image."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ocr_engine.geometry import Quad
from ocr_engine.images.decode import DecodedImage, ImageArray, decode
from ocr_engine.images.drawing import COLOURS, MAX_DRAWN_PIXELS, draw_page
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Block, Glyph, Line, Page, Word
from ocr_engine.worker.messages import PNG_SIGNATURE, Task
from ocr_engine.worker.reading import recognize
from tests.support.cards import CARD_HEIGHT, CONFIDENCE, card
from tests.support.fake_recognizers import Echo

WHITE = (255, 255, 255)


def blank(height: int, width: int) -> ImageArray:
    return np.full((height, width, 3), 255, dtype=np.uint8)


def level(left: int, top: int, right: int, bottom: int) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def drawn(pixels: ImageArray, *lines: Line) -> ImageArray:
    height, width = pixels.shape[:2]
    png = draw_page(pixels, Page(width, height, (Block(lines),)))
    assert png.startswith(PNG_SIGNATURE)
    return decode(png, 10**8).pixels


def is_coloured(pixels: ImageArray) -> npt.NDArray[np.bool_]:
    spread: npt.NDArray[np.uint8] = pixels.max(axis=2) - pixels.min(axis=2)
    return spread > 60


def test_the_outline_of_each_line_in_a_colour_of_its_own() -> None:
    boxes = [level(100, 60 + 50 * n, 300, 90 + 50 * n) for n in range(len(COLOURS) + 1)]
    image = drawn(blank(400, 400), *(Line("a", 1.0, box) for box in boxes))
    for number, ((left, top), (right, _), (_, bottom), _) in enumerate(boxes):
        colour = COLOURS[number % len(COLOURS)]
        for x, y in ((200, top), (200, bottom), (right, (top + bottom) // 2)):
            np.testing.assert_allclose(image[y, x], colour, atol=40)
        assert tuple(image[(top + bottom) // 2, (left + right) // 2]) == WHITE


def test_without_lines_it_is_the_image() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    np.testing.assert_array_equal(drawn(pixels), pixels)


def test_the_image_itself_is_left_as_it_is() -> None:
    pixels = blank(100, 100)
    drawn(pixels, Line("a", 1.0, level(20, 20, 80, 60)))
    assert (pixels == 255).all()


def test_lines_have_different_numbers() -> None:
    """Two lines with the same colour differ only in their numbers."""
    box = level(200, 100, 300, 130)
    far = Line("a", 1.0, level(20, 300, 60, 320))
    labels = []
    for before in (0, len(COLOURS)):
        image = drawn(blank(400, 400), *([far] * before), Line("a", 1.0, box))
        label = image[85:120, 150:200]
        assert is_coloured(label).any()
        assert (label.min(axis=2) > 200)[is_coloured(label).any(axis=1)].any()
        labels.append(label)
    assert (labels[0] != labels[1]).any()


def test_words_and_characters_have_boxes_too() -> None:
    boxes = {"a": level(110, 60, 150, 90), "b": level(160, 60, 290, 90)}
    line = Line("a b", 1.0, level(100, 60, 300, 90))
    words = tuple(Word(text, 1.0, box) for text, box in boxes.items())
    glyphs = tuple(Glyph(text, 1.0, box) for text, box in boxes.items())
    plain = is_coloured(drawn(blank(200, 400), line))
    for fine in (replace(line, words=words), replace(line, glyphs=glyphs)):
        found = is_coloured(drawn(blank(200, 400), fine))
        for x in (110, 150, 160, 290):
            assert found[75, x]
            assert not plain[75, x]


def test_a_slanted_box_is_drawn_slanted() -> None:
    quad: Quad = ((100, 100), (290, 150), (282, 180), (92, 130))
    found = is_coloured(drawn(blank(300, 400), Line("a", 1.0, quad)))
    for (x0, y0), (x1, y1) in zip(quad, (*quad[1:], quad[0]), strict=True):
        assert found[round((y0 + y1) / 2), round((x0 + x1) / 2)]
    assert not found[102, 200]


@pytest.mark.parametrize("corner", [(0, 0), (370, 0), (0, 270), (370, 270)])
def test_numbers_stay_in_the_image(corner: tuple[int, int]) -> None:
    x, y = corner
    found = is_coloured(drawn(blank(300, 400), Line("a", 1.0, level(x, y, x + 30, y + 30))))
    assert found.sum() > 3 * 30 + 30  # the outline, and a label


def test_a_large_image_is_reduced_and_its_boxes_with_it() -> None:
    pixels = blank(3000, 4000)
    image = drawn(pixels, Line("a", 1.0, level(1000, 600, 3000, 900)))
    height, width = image.shape[:2]
    assert MAX_DRAWN_PIXELS * 0.99 < height * width <= MAX_DRAWN_PIXELS
    assert width / height == pytest.approx(4 / 3, abs=0.01)
    shrunk = width / 4000
    found = is_coloured(image)
    for x, y in ((2000, 600), (2000, 900), (1000, 750), (3000, 750)):
        place = round(y * shrunk), round(x * shrunk)
        assert found[place[0] - 2 : place[0] + 3, place[1] - 2 : place[1] + 3].any()
    assert not found[round(750 * shrunk), round(2000 * shrunk)]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 20_000), (20_000, 1), (3, 3)])
def test_images_of_odd_sizes(height: int, width: int) -> None:
    box = level(0, 0, width, height)
    assert drawn(blank(height, width), Line("a", 1.0, box)).shape == (height, width, 3)


def test_the_same_result_gives_the_same_bytes() -> None:
    page = Page(90, 90, (Block((Line("a", 1.0, level(20, 20, 80, 60)),)),))
    assert draw_page(blank(90, 90), page) == draw_page(blank(90, 90), page)


# --- in the worker


def test_a_worker_draws_only_when_asked() -> None:
    plain = recognize(Echo(), Task(1, RecognitionOptions(), card("a line")), 10**6)
    assert plain.drawing == b""
    assert "draw" not in plain.stages
    task = Task(1, RecognitionOptions(draw=True), card("a line"))
    with_drawing = recognize(Echo(), task, 10**6)
    assert with_drawing.result == plain.result
    assert with_drawing.stages["draw"] > 0
    image = decode(with_drawing.drawing, 10**6).pixels
    assert image.shape == (CARD_HEIGHT, plain.result.pages[0].width, 3)
    assert is_coloured(image).any()
    assert not is_coloured(decode(card("a line"), 10**6).pixels).any()


def test_lines_below_the_score_are_kept_and_not_drawn() -> None:
    options = RecognitionOptions(draw=True, shown_score=CONFIDENCE)
    hiding = replace(options, shown_score=CONFIDENCE + 0.01)
    drawn, hidden = (recognize(Echo(), Task(1, o, card("a")), 10**6) for o in (options, hiding))
    assert hidden.result == drawn.result
    assert is_coloured(decode(drawn.drawing, 10**6).pixels).any()
    assert not is_coloured(decode(hidden.drawing, 10**6).pixels).any()


def test_the_drawing_is_of_the_upright_image() -> None:
    upright = DecodedImage(blank(40, 80))
    encoded, jpeg = cv2.imencode(".jpg", upright.pixels)
    assert encoded
    exif = (
        b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    )
    turned = jpeg.tobytes()[:2] + exif + jpeg.tobytes()[2:]
    recognition = recognize(Echo(), Task(1, RecognitionOptions(draw=True), turned), 10**6)
    assert decode(recognition.drawing, 10**6).pixels.shape == (80, 40, 3)
