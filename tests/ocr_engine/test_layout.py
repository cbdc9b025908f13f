"""Grouping lines into blocks, and documents of several pages."""

from __future__ import annotations

import math

import pytest

from ocr_engine.geometry import LevelBox, Quad, as_quad, level_box
from ocr_engine.result import Document, Glyph, Line, Page, Word
from ocr_engine.result_json import as_json
from ocr_engine.stages.layout import group_lines, image_document, rotated_lines


def line(text: str, left: int, top: int, right: int, bottom: int) -> Line:
    return Line(text, 0.5, LevelBox(left, top, right, bottom).quad)


def grouped(*lines: Line) -> list[str]:
    """The texts of each block."""
    return [" ".join(line.text for line in block.lines) for block in group_lines(lines)]


def test_no_lines_are_no_blocks() -> None:
    assert group_lines(()) == ()
    assert image_document(640, 480, ()).pages == (Page(640, 480, ()),)


@pytest.mark.parametrize(("gap", "blocks"), [(30, ["a b"]), (31, ["a", "b"])])
def test_a_block_ends_at_a_gap_of_three_quarters_of_a_line(gap: int, blocks: list[str]) -> None:
    assert grouped(line("a", 10, 100, 400, 140), line("b", 10, 140 + gap, 400, 180 + gap)) == blocks


def test_the_lowest_line_above_counts() -> None:
    """The second line of a row may be shorter than the first."""
    row = line("a", 10, 100, 200, 160), line("b", 300, 100, 400, 120)
    assert grouped(*row, line("c", 10, 165, 200, 185)) == ["a b c"]


def test_a_line_higher_up_does_not_begin_a_block() -> None:
    assert grouped(line("a", 10, 400, 200, 420), line("b", 300, 10, 500, 30)) == ["a b"]


def test_the_height_of_a_vertical_line_is_its_width() -> None:
    above = line("a", 10, 10, 400, 30)
    assert grouped(above, line("b", 10, 50, 40, 400)) == ["a b"]
    assert grouped(above, line("b", 10, 55, 40, 400)) == ["a", "b"]


def test_lines_keep_their_order() -> None:
    lines = tuple(line(str(n), 10, 50 * (n * 7 % 10), 90, 50 * (n * 7 % 10) + 20) for n in range(9))
    document = image_document(100, 600, lines)
    assert document.lines == lines
    assert len(document.pages[0].blocks) > 1


def slanted(text: str, left: int, top: int, width: int, height: int, degrees: float) -> Line:
    """A line on a page that was rotated clockwise around its corner."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = LevelBox(left, top, left + width, top + height).quad
    quad = as_quad((round(x * cosine - y * sine), round(x * sine + y * cosine)) for x, y in corners)
    return Line(text, 0.5, quad)


@pytest.mark.parametrize("degrees", [-8, -2, 0, 2, 8])
def test_blocks_of_a_skewed_page_are_those_of_the_straight_one(degrees: float) -> None:
    tops = {"a": 400, "b": 435, "c": 520, "d": 555}  # 40 high; the gap before c is 45
    lines = [slanted(text, 500, top, 900, 40, degrees) for text, top in tops.items()]
    assert grouped(*lines) == ["a b", "c d"]


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_blocks_of_a_turned_page_are_those_of_the_upright_one(angle: int) -> None:
    upright = [
        line("a", 10, 10, 400, 50),
        line("b", 10, 60, 400, 100),
        line("c", 10, 160, 400, 200),
    ]
    turned = rotated_lines(upright, -angle % 360, 500, 300)
    width, height = (500, 300) if angle == 180 else (300, 500)
    (page,) = image_document(width, height, turned, angle=angle).pages
    assert [len(block.lines) for block in page.blocks] == [2, 1]
    assert page.angle == angle
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
    first, second, third = (
        Page(90, 90, group_lines([line(text, 0, 0, 9, 9) for text in texts]), number)
        for number, texts in enumerate(("ab", "", "c"), 1)
    )
    document = Document((first, second, third), frames=5)
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
