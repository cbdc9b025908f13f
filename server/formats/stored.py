"""From a recognition to the result that is stored for it, and back."""

from __future__ import annotations

import asyncio
import json

from cache.stored_result import StoredResult
from ocr_engine.result import OcrResult, Recognition
from server.formats.json_text import dump

DRAWING_TYPE = "image/png"
INLINE_CHARACTERS = 1 << 20
_BOX_CHARACTERS = 100  # of a line, a word or a character, beside its text


async def encode_result(recognition: Recognition) -> StoredResult:
    """What is stored; made in a thread if it is very long."""
    if _length(recognition.result) < INLINE_CHARACTERS:
        return _encode(recognition)
    return await asyncio.to_thread(_encode, recognition)


def decode_result(stored: StoredResult) -> OcrResult:
    """The result whose JSON is stored."""
    return OcrResult.from_json(json.loads(stored.json))


def _encode(recognition: Recognition) -> StoredResult:
    drawing = {DRAWING_TYPE: recognition.drawing} if recognition.drawing else {}
    return StoredResult(dump(recognition.result.as_json()), drawing)


def _length(result: OcrResult) -> int:
    """About how many characters the JSON of the result will have."""
    boxes = sum(1 + len(line.words or ()) + len(line.chars or ()) for line in result.lines)
    return sum(len(line.text) for line in result.lines) + _BOX_CHARACTERS * boxes
