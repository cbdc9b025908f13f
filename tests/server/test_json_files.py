"""JSON bodies with many files, in chunks of every size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.errors import BadField, BadRequest, BodyTooLarge
from server.intake.fields import MAX_FIELD_BYTES
from server.intake.files import ArrivingFiles
from server.intake.json_files import MAX_MARKS, MAX_REST_BYTES, JsonFilesBody

FILES: list[dict[str, Any]] = [
    {"image": 'a "quoted" {[ \\ value', "drop_score": 0.5},
    {},
    {"filename": "名字.png", "nested": {"list": [1, {"a": []}]}},
    {"image": "\\"},
]
COMMON = {"format": 'te"xt', "priority": 3}


def read(body: bytes, size: int, most: int = 10, max_bytes: int = 1000) -> tuple[Any, Any]:
    """The files and the fields of a body that arrives in chunks of this size."""
    files = ArrivingFiles(most, max_bytes)
    reader = JsonFilesBody(files)
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    arrived = files.take_all()
    assert all(each.is_json for each in arrived)
    form = reader.finish()
    assert form.upload is None
    return [None if each.data is None else json.loads(each.data) for each in arrived], form.fields


@pytest.mark.parametrize("order", [("files", "common"), ("common", "files")])
@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_chunks_of_every_size(order: tuple[str, str], escaped: bool, indent: int | None) -> None:
    parts: dict[str, dict[str, Any]] = {"files": {"files": FILES}, "common": COMMON}
    value = parts[order[0]] | parts[order[1]]
    body = json.dumps(value, ensure_ascii=escaped, indent=indent).encode()
    for size in range(1, len(body) + 1):
        assert read(body, size) == (FILES, COMMON)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_file_that_is_too_large_is_dropped(size: int) -> None:
    large = {"image": "A" * (2000 + MAX_REST_BYTES)}
    body = json.dumps({"files": [FILES[0], large, FILES[1]]}).encode()
    assert read(body, max(size, 7)) == ([FILES[0], None, FILES[1]], {})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"files": [{}, {}, {}]}', BodyTooLarge),
        ('{"files": {"image": ""}}', BadField),
        ('{"others": [{}]}', BadField),
        ('{"files": [{}], "others": [{}]}', BadField),
        ('{"files": [[{}]]}', BadField),
        ('{"files": [0]}', BadField),
        ('[{"files": [{}]}]', BadRequest),
        ('{"files": [{}}', BadRequest),
        ('{"files": [{}]]', BadRequest),
        ('{"files": [{}] "a": 1}', BadRequest),
        ('{"files": [{}', BadRequest),
        ("", BadRequest),
        ('{"files": [{' + "[" * MAX_MARKS, BadRequest),
        ("[" * (MAX_MARKS + 1), BadRequest),
        ('{"a": "' + "x" * (MAX_REST_BYTES + 1000), BadRequest),
        (f'{{"files": [{{}}], "format": "{"x" * (MAX_FIELD_BYTES + 1)}"}}', BadField),
    ],
)
def test_what_is_refused(body: str, error: type[Exception]) -> None:
    for size in (1, 1 << 20):
        with pytest.raises(error):
            read(body.encode(), size, most=2)
