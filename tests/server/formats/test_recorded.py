"""Every format of sample results, byte for byte as before there was a result model.

tests/data/formats has the output of commit 622cbb7, with @VERSION@ for the server's version.
One difference is intended: a text ends with a newline. Each of its blocks is an area here.
"""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from cache.keys import Digests
from ocr_engine.worker.messages import Done, decode_reply, encode_reply
from server.formats.answer import Answer, Envelope
from server.formats.registry import render
from server.formats.rendering import Format, Rendering
from server.formats.stored import encode_result
from server.version import VERSION

RECORDED = Path(__file__).parents[2] / "data" / "formats"
RESULTS = ("lines", "words", "characters", "turned", "empty", "frames")
SUFFIXES: dict[Format, str] = {
    "text": "txt",
    "legacy": "legacy.json",
    "tsv": "tsv",
    "hocr": "hocr",
    "alto": "alto.xml",
}
MD5 = "0123456789abcdef0123456789abcdef"


def recorded(name: str, suffix: str) -> bytes:
    return (RECORDED / f"{name}.{suffix}").read_bytes().replace(b"@VERSION@", VERSION.encode())


def blocks(name: str) -> list[dict[str, Any]]:
    """The blocks of the recorded TSV."""
    rows = [row.split("\t") for row in recorded(name, "tsv").decode().splitlines()]
    owners = [int(row[2]) - 1 for row in rows if row[0] == "4"]  # of each line
    found = []
    for area in sorted(set(owners)):
        lines = [number for number, owner in enumerate(owners) if owner == area]
        found.append({"type": "text", "area": area, "lines": lines})
    return found


def from_worker(name: str) -> Done:
    """The worker's message with the lines of a recorded answer, grouped as in the other formats."""
    data = json.loads(recorded(name, "json"))
    result = {key: data[key] for key in data if key not in ("text", "confidence")}
    result["blocks"] = blocks(name)
    head = {"kind": "done", "task_id": 1, "stages": {}, "rss_mb": 1, "result": result}
    content = json.dumps(head).encode()
    reply = decode_reply(struct.pack(">I", len(content)) + content)
    assert isinstance(reply, Done)
    return reply


def answer(name: str) -> Answer:
    result = asyncio.run(encode_result(from_worker(name).recognition, 0.0))
    return Answer(result, Digests(MD5, ""))


@pytest.mark.parametrize("name", RESULTS)
def test_the_stored_json(name: str) -> None:
    assert answer(name).result.json == recorded(name, "json")


@pytest.mark.parametrize("name", RESULTS)
def test_the_result_that_a_worker_sends(name: str) -> None:
    frame = encode_reply(from_worker(name))
    assert recorded(name, "json")[:-1] in frame
    assert decode_reply(frame) == from_worker(name)


@pytest.mark.parametrize("format", SUFFIXES)
@pytest.mark.parametrize("name", RESULTS)
def test_a_format(name: str, format: Format) -> None:
    _, body = render(answer(name), Rendering(format), Envelope("hit", 1.0, "a request"))
    assert b"".join(body) == recorded(name, SUFFIXES[format])
