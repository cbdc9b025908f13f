"""Lines of rotated pages, documents of several pages, and boxes."""

from __future__ import annotations

import pytest

from ocr_engine.geometry import LevelBox, Quad, as_quad, level_box
from ocr_engine.moved_boxes import rotated_lines
from ocr_engine.result import Document, Glyph, Line, Word
from ocr_engine.result_json import as_json
from tests.support.made_pages import image_document


def line(text: str, left: int, top: int, right: int, bottom: int) -> Line:
    return Line(text, 0.5, LevelBox(left, top, right, bottom).quad)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_rotated_lines_can_be_rotated_back(angle: int) -> None:
    upright = [line("a", 10, 10, 400, 50), line("b", 10, 60, 400, 100)]
    turned = rotated_lines(upright, -angle % 360, 500, 300)
    width, height = (500, 300) if angle == 180 else (300, 500)
    assert turned != upright
    assert rotated_lines(turned, angle, width, height) == upright


def test_words_and_characters_are_rotated_with_their_line() -> None:
    box = LevelBox(10, 20, 30, 40).quad
    lines = [
        Line("a", 0.5, box, words=(Word("a", 0.5, box),)),
        Line("a", 0.5, box, glyphs=(Glyph("a", 0.5, box),)),
        Line("a", 0.5, box, words=()),
    ]
    expected = LevelBox(60, 10, 80, 30).quad  # of an image 100 pixels high, rotated by 90 degrees
    words, glyphs, empty = rotated_lines(lines, 90, 200, 100)
    assert words.words is not None
    assert glyphs.glyphs is not None
    assert {words.box, words.words[0].box, glyphs.glyphs[0].box, empty.box} == {expected}
    assert (words.glyphs, glyphs.words, empty.words) == (None, None, ())


# --- documents


def test_the_pages_of_a_document_are_separated_by_form_feeds() -> None:
    pages = [
        image_document(90, 90, [line(text, 0, 0, 9, 9) for text in texts]).pages[0]
        for texts in ("ab", "", "c")
    ]
    document = Document(tuple(pages), frames=5)
    assert document.text == "a\nb\f\fc"
    assert [each.text for each in document.lines] == ["a", "b", "c"]
    assert document.confidence == 0.5
    with pytest.raises(ValueError, match="unpack"):
        as_json(document)


# --- boxes


@pytest.mark.parametrize(
    ("quad", "box"),
    [
        (((10, 20), (110, 0), (114, 20), (14, 40)), (10, 0, 114, 40)),
        (((-5, -3), (8, -3), (8, 9), (-5, 9)), (0, 0, 8, 9)),
        (((7, 7), (7, 7), (7, 7), (7, 7)), (7, 7, 8, 8)),
        (((-7, -7), (-3, -7), (-3, -2), (-7, -2)), (0, 0, 1, 1)),
    ],
    ids=["slanted", "over the edge", "a point", "outside"],
)
def test_level_boxes_lie_in_the_image_and_are_never_empty(
    quad: Quad, box: tuple[int, int, int, int]
) -> None:
    assert level_box(quad) == box
    assert level_box(level_box(quad).quad) == box


@pytest.mark.parametrize(
    "corners", [[(0, 0)] * 3, [(0, 0)] * 5, [(0, 0, 0)] * 4, [("a", 0)] * 4, [0, 1, 2, 3]]
)
def test_what_is_not_a_quad(corners: list[tuple[int, int]]) -> None:
    with pytest.raises((ValueError, TypeError)):
        as_quad(corners)


def test_the_glyphs_of_words_are_rotated_with_them() -> None:
    box = LevelBox(10, 20, 30, 40).quad
    upright = Line("a", 0.5, box, (Word("a", 0.5, box, (Glyph("a", 0.5, box),)),))
    (turned,) = rotated_lines([upright], 180, 200, 100)
    assert turned.words is not None
    assert turned.words[0].glyphs[0].box == turned.words[0].box == turned.box != box
