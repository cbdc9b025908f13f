"""The pages of the layout set that LibreOffice sets: their lines are those of its PDF."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from layout_set.office import Character, lines_of
from layout_set.truth import Part, TrueBlock

SIZE = 20.0


def characters(text: str, left: float, middle: float) -> Iterator[Character]:
    """A line of characters that are half as wide as high."""
    spaced = False
    for number, character in enumerate(text):
        start = left + number * SIZE / 2
        if character != " ":
            yield Character(character, start, start + SIZE / 2, middle, SIZE, spaced)
        spaced = character == " "


def test_lines_of_two_columns_follow_each_other() -> None:
    parts = (Part("title", "A title", 1), Part("text", "over two columns"))
    found = [
        *characters("A title", 100, 40),
        *characters("over", 20, 80),
        *characters("two", 20, 110),
        *characters("columns", 200, 80),
    ]
    lines, blocks = lines_of(found, parts)
    assert blocks == [TrueBlock("title"), TrueBlock("text")]
    assert [(line.text, line.block) for line in lines] == [
        ("A title", 0),
        ("over", 1),
        ("two", 1),
        ("columns", 1),
    ]
    assert lines[0].box == ((100, 29), (170, 29), (170, 51), (100, 51))


def test_what_is_not_on_the_first_page_is_no_block() -> None:
    parts = (Part("text", "one"), Part("text", "two"), Part("list", "• three", 1))
    lines, blocks = lines_of([*characters("one", 0, 40), *characters("tw", 0, 70)], parts)
    assert [line.text for line in lines] == ["one", "tw"]
    assert len(blocks) == 2


def test_a_hyphen_at_the_end_of_a_line_is_that_of_the_text() -> None:
    found = [*characters("well\ufffe", 0, 40), *characters("known", 0, 70)]
    lines, _ = lines_of(found, (Part("text", "well-known"),))
    assert [line.text for line in lines] == ["well-", "known"]


def test_another_text_than_that_of_the_document_is_an_error() -> None:
    with pytest.raises(ValueError, match="not 'b'"):
        lines_of(list(characters("ac", 0, 40)), (Part("text", "ab"),))
