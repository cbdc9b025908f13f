"""Encodes recognitions as stored results, and decodes them."""

from __future__ import annotations

import asyncio
import json

from cache.stored_result import StoredResult
from ocr_engine.result import Document, Recognition
from ocr_engine.result_json import BoxJson, as_json, from_json
from server.formats.json_text import dump

DRAWING_TYPE = "image/png"
INLINE_CHARACTERS = 1 << 20
_BOX_CHARACTERS = 100  # JSON per line, word or character, in addition to its text


StoredLine = tuple[str, float, BoxJson]  # text, confidence (0 to 1), four corners (x, y)


async def encode_result(recognition: Recognition) -> StoredResult:
    """Encode a recognition; in a thread if it is very long."""
    if _length(recognition.result) < INLINE_CHARACTERS:
        return _encode(recognition)
    return await asyncio.to_thread(_encode, recognition)


def decode_result(stored: StoredResult) -> Document:
    """The document of a stored result."""
    return from_json(json.loads(stored.json))


def decode_text(stored: StoredResult) -> str:
    """The text alone; much faster than decode_result(), as it builds no document."""
    text: str = json.loads(stored.json)["text"]
    return text


def decode_lines(stored: StoredResult) -> list[StoredLine]:
    """The lines alone; twice as fast as decode_result(), as it builds no document."""
    lines = json.loads(stored.json)["lines"]
    return [(line["text"], line["confidence"], line["box"]) for line in lines]


def _encode(recognition: Recognition) -> StoredResult:
    drawing = {DRAWING_TYPE: recognition.drawing} if recognition.drawing else {}
    return StoredResult(dump(as_json(recognition.result)), drawing)


def _length(document: Document) -> int:
    """The approximate number of characters in the document's JSON."""
    lines = document.lines
    boxes = sum(1 + len(line.parts) for line in lines)
    return sum(len(line.text) for line in lines) + _BOX_CHARACTERS * boxes
