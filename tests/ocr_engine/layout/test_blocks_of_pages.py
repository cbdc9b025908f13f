"""Paragraphs, titles and items of lists, from the places of lines."""

from __future__ import annotations

import pytest

from ocr_engine.layout.markers import Marker, is_marker, marker_of, markers_of_lists
from ocr_engine.result import Line
from tests.support.layout_pages import (
    PITCH,
    SIZE,
    column,
    grouped,
    hanzi,
    laid_out,
    line,
    upright_line,
    words,
)


def chinese(name: str, left: float, top: float, lengths: tuple[int, ...]) -> list[Line]:
    return [
        line(hanzi(f"{name}{n}", length), left, top + 34 * n) for n, length in enumerate(lengths)
    ]


def test_a_short_last_line_ends_a_paragraph() -> None:
    blocks = laid_out(column("a", 60, 100, (80, 79, 80, 30, 80, 80, 45, 78, 80, 80)))
    assert grouped(blocks) == [["a0", "a1", "a2", "a3"], ["a4", "a5", "a6"], ["a7", "a8", "a9"]]
    assert {block.type for block in blocks} == {"text"}


def test_an_indented_first_line_begins_a_paragraph() -> None:
    lines = [*column("a", 60, 100, (80, 80, 80)), *column("b", 60, 190, (76, 80, 80))]
    lines[0] = line(words("a0", 77), 90, 100)
    lines[3] = line(words("b0", 77), 90, 190)
    assert grouped(laid_out(lines)) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]


def test_a_larger_distance_begins_a_paragraph() -> None:
    lines = column("a", 60, 100, (80, 80, 80)) + column("b", 60, 203, (80, 80, 80))
    assert grouped(laid_out(lines)) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]


def test_chinese_paragraphs_are_indented_by_two_characters() -> None:
    first = chinese("甲", 60, 100, (40, 42, 42, 42))
    second = chinese("乙", 60, 236, (40, 42, 9))
    first[0] = line(hanzi("甲0", 40), 100, 100)
    second[0] = line(hanzi("乙0", 40), 100, 236)
    blocks = laid_out(first + second)
    assert [len(block.lines) for block in blocks] == [4, 3]


def test_lines_whose_boxes_differ_in_height_are_one_paragraph() -> None:
    """Detection finds some lines lower than others, in the same font."""
    lines = chinese("甲", 60, 100, (42, 42, 42, 42, 42, 8))
    for number, (top, bottom) in enumerate(((0, 23), (3, 19), (0, 24), (4, 18), (1, 22), (-4, 27))):
        (left, _), (right, _), _, _ = lines[number].box
        low, high = 100 + 34 * number + top, 100 + 34 * number + bottom
        box = ((left, low), (right, low), (right, high), (left, high))
        lines[number] = Line(lines[number].text, 0.9, box)
    (block,) = laid_out(lines)
    assert block.type == "text"


def test_titles_have_levels_by_their_height() -> None:
    lines = [line("Name of it all", 60, 40, 44), line("First part", 60, 120, 30)]
    lines += column("a", 60, 180, (80, 80, 80, 20))
    lines += [line("Second part", 60, 330, 30), *column("b", 60, 390, (80, 80, 80, 20))]
    blocks = laid_out(lines)
    found = [(block.type, block.level) for block in blocks]
    assert found == [("title", 1), ("title", 2), ("text", 0), ("title", 2), ("text", 0)]


def test_a_title_of_two_lines_is_one_block() -> None:
    lines = [line(words("long", 50), 60, 40, 34), line("rest of it", 60, 85, 34)]
    blocks = laid_out(lines + column("a", 60, 180, (80, 80, 80, 80, 20)))
    assert grouped(blocks)[0] == ["long", "rest"]


def test_items_of_a_list_with_wrapped_lines() -> None:
    lines: list[Line] = column("a", 60, 60, (80, 80, 20))
    for number in range(3):
        top = 150 + 60 * number
        lines.append(line(f"{number + 1}. " + words("item", 74), 60, top))
        lines.append(line(words("rest", 40), 90, top + PITCH))
    blocks = laid_out(lines)
    assert [block.type for block in blocks] == ["text", "list", "list", "list"]
    assert [len(block.lines) for block in blocks] == [3, 2, 2, 2]


def test_a_single_item_is_known_by_its_hanging_indent() -> None:
    lines: list[Line] = column("a", 60, 60, (80, 80, 20))
    lines += [line("4. " + words("item", 77), 60, 150), line(words("rest", 40), 90, 180)]
    lines += column("b", 60, 210, (80, 80, 80))
    blocks = laid_out(lines)
    assert [(block.type, len(block.lines)) for block in blocks] == [
        ("text", 3), ("list", 2), ("text", 3)
    ]  # fmt: skip


def test_a_justified_line_of_few_words_stays_in_its_paragraph() -> None:
    lines = column("a", 60, 100, (80, 80, 80, 80, 80, 30))
    end = lines[2].box[1][0]
    lines[2:3] = [line("some few", 60, 160), line("words", end - 50, 160, width=50)]
    blocks = laid_out(lines)
    assert [len(block.lines) for block in blocks] == [7]


def test_the_marker_of_an_item_may_be_a_line_of_its_own() -> None:
    lines: list[Line] = []
    for number in range(4):
        top = 100 + 40 * number
        lines += [line("•", 60, top, width=10), line(words("item", 30 + number), 110, top)]
    blocks = laid_out(lines)
    assert [(block.type, len(block.lines)) for block in blocks] == [("list", 2)] * 4


def test_separate_lines_are_separate_blocks() -> None:
    """An address, or a poem: most lines end early."""
    lines = column("a", 60, 100, (30, 44, 26, 60, 38, 21, 50))
    assert len(laid_out(lines)) >= 6


def test_paragraphs_of_vertical_columns() -> None:
    lengths = (28, 30, 30, 12, 28, 30, 9)
    lines = [
        upright_line(hanzi(str(n), length), 800 - 34 * n, 100 + 2 * SIZE * (length == 28))
        for n, length in enumerate(lengths)
    ]
    assert [len(block.lines) for block in laid_out(lines)] == [4, 3]


# --- markers


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("• item", Marker("•", None)),
        ("- item", Marker("-", None)),
        ("3. item", Marker("1.", 3)),
        ("12）项", Marker("1)", 12)),
        ("(4) item", Marker("1)", 4)),
        ("b) item", Marker("a)", ord("b"))),
        ("③项", Marker("circled", 3)),
        ("⑩项", Marker("circled", 10)),
        ("⑳ item", Marker("circled", 20)),
        ("十二、项", Marker("一、", 12)),
        ("（二）项", Marker("一)", 2)),
        ("3.5 mg", None),
        ("-7 degrees", None),
        ("2010. A year", None),
        ("word", None),
        ("", None),
    ],
)
def test_markers(text: str, marker: Marker | None) -> None:
    assert marker_of(text) == marker


def test_a_marker_alone() -> None:
    assert is_marker("(1)")
    assert not is_marker("(1) item")


def test_a_number_without_a_neighbour_is_no_marker() -> None:
    texts = ["1. one", "text", "2. two", "7. seven", "– dash", "• bullet"]
    kept = markers_of_lists(texts)
    assert [marker is not None for marker in kept] == [True, False, True, False, False, True]


def test_a_list_of_circled_numbers_may_be_longer_than_nine() -> None:
    kept = markers_of_lists([f"{chr(ord('①') + number)} item" for number in range(12)])
    assert [marker and marker.ordinal for marker in kept] == list(range(1, 13))
