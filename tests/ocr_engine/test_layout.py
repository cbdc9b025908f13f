"""Grouping lines into blocks, and documents of several pages."""

from __future__ import annotations

import pytest

from ocr_engine.geometry import LevelBox, Quad, as_quad, level_box
from ocr_engine.result import Document, Line, Page
from ocr_engine.result_json import as_json
from ocr_engine.stages.layout import group_lines, image_document


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
