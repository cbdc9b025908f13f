"""Lines of a paragraph become one text."""

from __future__ import annotations

import pytest

from server.formats.joining import joined


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["two", "words"], "two words"),
        (["a bro-", "ken word"], "a broken word"),
        (["a bro\u2010", "ken word"], "a broken word"),
        (["soft\u00ad", "Hyphen"], "softHyphen"),
        (["Marie-", "Curie"], "Marie-Curie"),
        (["pages 10-", "20"], "pages 10-20"),
        (["a dash -", "and more"], "a dash - and more"),
        (["-", "a"], "- a"),
        (["北门", "书店"], "北门书店"),
        (["かな", "漢字"], "かな漢字"),
        (["한국", "어"], "한국 어"),
        (["说，", "Open"], "说，Open"),
        (["（见", "OCR", "）"], "（见 OCR）"),
        (["他说“", "好”", "然后"], "他说“好”然后"),
        (["北门", "OCR"], "北门 OCR"),
        (["the end", "."], "the end."),
        (["uses", ".NET"], "uses .NET"),
        ([" blanks ", "", "  ", "inside  it"], "blanks inside  it"),
        ([], ""),
        (["-"], "-"),
    ],
)
def test_lines_are_joined(lines: list[str], text: str) -> None:
    assert joined(lines) == text
