"""Stored results: their content, and that they are sent unchanged."""

from __future__ import annotations

import asyncio
import json

import pytest

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_engine.result import Line, Recognition
from ocr_engine.result_json import as_json
from ocr_engine.worker.messages import PNG_SIGNATURE
from server.errors import BadField
from server.formats.answer import Answer, Envelope
from server.formats.registry import render
from server.formats.rendering import Rendering
from server.formats.stored import (
    DRAWING_TYPE,
    LAYOUT_TYPE,
    decode_raster_lines,
    decode_result,
    encode_result,
)
from tests.support import made_pages

TEXT = f"a line }} with {PNG_SIGNATURE.decode('latin-1')} in it"
RESULT = made_pages.in_areas((Line(TEXT, 0.9, ((0, 0), (90, 0), (90, 20), (0, 20))),))
DRAWING = PNG_SIGNATURE + b"any}"
SHOWN_SCORE = 0.5
PAIRS = (made_pages.LEFT, made_pages.RIGHT)
NO_LINES = b'{"text":"","confidence":0.0,"width":1,"height":1,"lines":[]}'
ENVELOPE = Envelope("hit", 1.0, "a request")


def stored(drawing: bytes) -> StoredResult:
    return asyncio.run(encode_result(Recognition(RESULT, drawing=drawing), SHOWN_SCORE))


def answer(drawing: bytes) -> Answer:
    return Answer(stored(drawing), Digests("md5", "sha256"))


def test_the_json_has_the_lines_and_is_stored_next_to_the_layout() -> None:
    assert json.loads(stored(b"").json) == json.loads(json.dumps(as_json(RESULT)))
    assert set(stored(b"").artifacts) == {LAYOUT_TYPE}
    assert decode_result(stored(b"")) == RESULT


def test_a_drawing_is_kept_apart_from_the_json() -> None:
    kept = stored(DRAWING)
    assert kept.artifacts == {**stored(b"").artifacts, DRAWING_TYPE: DRAWING}
    assert kept.json == stored(b"").json
    assert kept.size_bytes == len(kept.json) + len(kept.artifacts[LAYOUT_TYPE]) + len(DRAWING)
    assert decode_result(kept) == RESULT


def test_what_is_stored_is_sent_without_a_copy() -> None:
    drawn = answer(DRAWING)
    _, (_, body, _) = render(drawn, Rendering(), ENVELOPE)
    assert body is drawn.result.json
    media_type, (drawing,) = render(drawn, Rendering("image"), ENVELOPE)
    assert (media_type, drawing is drawn.result.artifacts["image/png"]) == ("image/png", True)


def test_there_is_no_image_where_nothing_was_drawn() -> None:
    with pytest.raises(BadField, match="has no drawing"):
        render(answer(b""), Rendering("image"), ENVELOPE)


# --- the layout


def made(shown_score: float = SHOWN_SCORE) -> StoredResult:
    return asyncio.run(encode_result(Recognition(made_pages.DOCUMENT), shown_score))


@pytest.mark.parametrize("shown_score", [0.0, 0.5, 1.0])
def test_blocks_raster_order_and_lines_of_little_confidence_are_kept(shown_score: float) -> None:
    assert decode_result(made(shown_score), drop_score=0) == made_pages.DOCUMENT


def test_the_json_is_that_of_the_lines_that_are_shown() -> None:
    data = json.loads(made().json)
    assert [line["text"] for line in data["lines"]] == made_pages.SHOWN
    assert data["text"] == "\n".join(made_pages.SHOWN)
    assert "blocks" not in data


def test_without_a_drop_score_the_same_lines_are_shown() -> None:
    (page,) = decode_result(made()).pages
    assert [line.text for line in page.lines] == made_pages.SHOWN
    assert [block.type for block in page.blocks] == [block.type for block in made_pages.BLOCKS]


def test_lines_in_raster_order_need_no_document() -> None:
    texts = [text for text, _, _ in decode_raster_lines(made())]
    assert texts == [line.text for line in decode_result(made(), order="raster").lines]
    assert texts[1:5] == [line.text for pair in zip(*PAIRS, strict=True) for line in pair]


def test_a_result_that_an_older_server_stored_is_read_as_its_lines() -> None:
    older = StoredResult(made().json)
    document = decode_result(older)
    assert [line.text for line in document.lines] == made_pages.SHOWN
    assert document == decode_result(older, order="raster")
    (block,) = document.pages[0].blocks
    assert (block.type, block.area) == ("text", 0)
    assert [text for text, _, _ in decode_raster_lines(older)] == made_pages.SHOWN
    assert decode_result(StoredResult(NO_LINES)).pages[0].blocks == ()
