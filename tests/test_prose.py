"""The check for banned words: what it finds, and where."""

from __future__ import annotations

import pytest

from prose import Hit, find_hits

WORDS = {"shiny": "glossy", "in a jiffy": "soon"}


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("A Shiny thing.", [Hit(1, "shiny", "glossy")]),
        ("first\nshiny_name = 1", [Hit(2, "shiny", "glossy")]),
        ("# done in\n# a jiffy", [Hit(1, "in a jiffy", "soon")]),
        (
            "    // in a\n    // jiffy; shiny",
            [Hit(1, "in a jiffy", "soon"), Hit(2, "shiny", "glossy")],
        ),
        ("unshiny shinyness, in any jiffy", []),
    ],
)
def test_banned_words_are_found_as_whole_words(text: str, hits: list[Hit]) -> None:
    assert list(find_hits(text, WORDS)) == hits
