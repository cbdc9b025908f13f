"""Percent-decoding is the same as in urllib, wherever a piece ends."""

from __future__ import annotations

import random
from urllib.parse import parse_qsl

import pytest

from server.errors import BadRequest
from server.intake import text_bodies
from server.intake.body import UrlencodedBody
from server.intake.fields import INLINE_BYTES, Form
from server.intake.text_bodies import parse_urlencoded
from tests.support.cards import card

PIECES = ["%", "%2", "%2B", "%2f", "%3D", "%25", "%41", "%C3%A9", "%zz", "+", "=", "2", "B", "é"]


@pytest.mark.parametrize("seed", range(20))
def test_percent_signs_as_urllib_decodes_them(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_bodies, "UNQUOTE_BYTES", 7)
    drawn = random.Random(seed)
    for _ in range(200):
        body = "image=" + "".join(drawn.choices(PIECES, k=30))
        try:
            expected = dict(parse_qsl(body, keep_blank_values=True, errors="strict"))
        except UnicodeDecodeError:
            with pytest.raises(BadRequest):
                parse_urlencoded(body.encode())
        else:
            assert parse_urlencoded(body.encode()) == expected, body


def test_fields_without_a_value_and_empty_ones() -> None:
    assert parse_urlencoded(b"&a&b=&&c=1=2&") == {"a": "", "b": "", "c": "1=2"}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("format", ["JPEG", "BMP", "WEBP"])
def test_an_image_in_an_urlencoded_body(size: int, format: str) -> None:
    image = card("in pieces", format) + bytes(INLINE_BYTES)
    body = UrlencodedBody()
    for start in range(0, len(image), size):
        body.feed(image[start : start + size])
    assert not body.is_long
    assert body.finish() == Form({}, image)


@pytest.mark.parametrize("start", ["BM", "RIFF", "II", "image"])
def test_fields_that_begin_as_an_image_might_are_fields(start: str) -> None:
    body = UrlencodedBody()
    body.feed(f"{start}=".encode())
    body.feed(b"a" * 100)
    assert body.finish() == Form({start: "a" * 100})
