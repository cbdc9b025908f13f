"""Percent-decoding is the same as in urllib, wherever a piece ends."""

from __future__ import annotations

import random
from urllib.parse import parse_qsl

import pytest

from server.errors import BadRequest
from server.intake import text_bodies
from server.intake.text_bodies import parse_urlencoded

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
