"""Stored results: their content, and that they are sent unchanged."""

from __future__ import annotations

import asyncio
import json

import pytest

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_engine.result import Line, Recognition
from ocr_engine.result_json import as_json
from ocr_engine.stages.layout import image_document
from ocr_engine.worker.messages import PNG_SIGNATURE
from server.errors import BadField
from server.formats.answer import Answer, Envelope
from server.formats.registry import render
from server.formats.stored import decode_result, encode_result

TEXT = f"a line }} with {PNG_SIGNATURE.decode('latin-1')} in it"
RESULT = image_document(640, 480, (Line(TEXT, 0.9, ((0, 0), (90, 0), (90, 20), (0, 20))),))
DRAWING = PNG_SIGNATURE + b"any}"
ENVELOPE = Envelope("hit", 1.0, "a request")


def stored(drawing: bytes) -> StoredResult:
    return asyncio.run(encode_result(Recognition(RESULT, drawing=drawing)))


def answer(drawing: bytes) -> Answer:
    return Answer(stored(drawing), Digests("md5", "sha256"))


def test_a_result_without_a_drawing_has_no_artifacts() -> None:
    assert json.loads(stored(b"").json) == json.loads(json.dumps(as_json(RESULT)))
    assert stored(b"").artifacts == {}
    assert decode_result(stored(b"")) == RESULT


def test_a_drawing_is_kept_apart_from_the_json() -> None:
    kept = stored(DRAWING)
    assert kept.artifacts == {"image/png": DRAWING}
    assert kept.json == stored(b"").json
    assert kept.size_bytes == len(kept.json) + len(DRAWING)
    assert decode_result(kept) == RESULT


def test_what_is_stored_is_sent_without_a_copy() -> None:
    drawn = answer(DRAWING)
    _, (_, body, _) = render(drawn, "json", ENVELOPE)
    assert body is drawn.result.json
    media_type, (drawing,) = render(drawn, "image", ENVELOPE)
    assert (media_type, drawing is drawn.result.artifacts["image/png"]) == ("image/png", True)


def test_there_is_no_image_where_nothing_was_drawn() -> None:
    with pytest.raises(BadField, match="has no drawing"):
        render(answer(b""), "image", ENVELOPE)
