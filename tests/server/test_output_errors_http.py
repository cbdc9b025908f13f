"""Formats, renderings and granularities that are not accepted."""

from __future__ import annotations

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.live_server import LiveServer


@pytest.mark.parametrize("path", ["/ocr_service", "/ocr"])
@pytest.mark.parametrize(
    ("field", "value", "mention"),
    [
        ("format", "xml", "json, text, legacy, flat, tsv, hocr, image"),
        ("format", "TSV", "expected one of"),
        ("format", "png", "image"),
        ("format", "md", "markdown"),
        ("granularity", "words", "line, word, char"),
        ("granularity", " ", "line, word, char"),
        ("granularty", "word", "did you mean granularity?"),
        ("draw", "1", "draw"),
        ("order", "columns", "layout, raster"),
        ("order", "Raster", "layout, raster"),
        ("ordr", "raster", "did you mean order?"),
        ("text", "words", "lines, paragraphs, rows, code"),
        ("layout", "maybe", "true or false"),
        ("layout", "2", "true or false"),
        ("drop_score", "1.5", "from 0 to 1"),
    ],
)
def test_values_that_are_not_accepted(
    wide: LiveServer, path: str, field: str, value: str, mention: str
) -> None:
    reply = wide.upload(card("unread"), path=path, **{field: value})
    assert_error(reply, 400, "bad_field", mention)
    assert wide.begun("unread") == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in ("format", "granularity") for value in (1, True, 0.5)),
        ("order", 1),
        ("text", True),
        ("layout", 0.5),
    ],
)
def test_values_of_other_types(wide: LiveServer, field: str, value: object) -> None:
    reply = wide.post_json({"image": "aGk=", field: value})
    assert_error(reply, 400, "bad_field", field)
