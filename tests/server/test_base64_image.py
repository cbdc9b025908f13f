"""Base64 as programs write it, with random bytes: every way gives the same bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random

import pytest

from server.errors import BadField, BodyTooLarge, MissingFile
from server.intake.base64_image import decode_base64

PLENTY = 1 << 20
SIZES = [*range(115, 180), *range(1000, 1012), 5000]  # with every number of `=`
TWICE = {"indented, form", "tabs, form", "padded, form"}
MANY_LINES = 1000  # bytes; in few lines, `+` may be at the same end of each

Writing = Callable[[bytes], str]


def lines(data: bytes) -> str:
    return base64.encodebytes(data).decode()


def form(text: str) -> str:
    """As a form is decoded that should have escaped its `+`."""
    return text.replace("+", " ")


WAYS: dict[str, Writing] = {
    "one line": lambda data: base64.b64encode(data).decode(),
    "one line, form": lambda data: form(base64.b64encode(data).decode()),
    "URL-safe": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "lines": lines,
    "lines, form": lambda data: form(lines(data)),
    "CRLF, form": lambda data: form(lines(data).replace("\n", "\r\n")),
    "indented by 1": lambda data: lines(data).replace("\n", "\n "),
    "indented by 4": lambda data: lines(data).replace("\n", "\n    "),
    "indented by tabs": lambda data: lines(data).replace("\n", "\n\t\t"),
    "indented, form": lambda data: form(lines(data)).replace("\n", "\n    "),
    "tabs, form": lambda data: form(lines(data)).replace("\n", "\n\t"),
    "padded": lambda data: lines(data).replace("\n", "  \n"),
    "padded, form": lambda data: form(lines(data)).replace("\n", "  \n"),
    "percent": lambda data: lines(data).replace("+", "%2b").replace("=", "%3D"),
    "data URI": lambda data: "\n\tdata:image/jpeg;name=a b;base64, " + lines(data),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_bytes(way: str) -> None:
    generator = Random(57)
    for size in SIZES:
        if way in TWICE and size < MANY_LINES:
            continue
        data = b"\x89PNG" + generator.randbytes(size)
        assert decode_base64(WAYS[way](data), PLENTY) == data, size


@pytest.mark.parametrize("text", ["QUJD!", "a", "data:text/plain", "QUJD\\x", "{}"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadField, match="not valid base64"):
        decode_base64(text, PLENTY)


@pytest.mark.parametrize("text", ["", " \n", "====", "data:image/png;base64,", '""'])
def test_nothing_is_missing(text: str) -> None:
    with pytest.raises(MissingFile):
        decode_base64(text, PLENTY)


def test_the_limit_counts_the_decoded_bytes() -> None:
    text = lines(bytes(100)).replace("\n", "\n        ")
    assert decode_base64(text, 100) == bytes(100)
    with pytest.raises(BodyTooLarge, match="100 bytes; at most 99"):
        decode_base64(text, 99)
