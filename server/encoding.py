"""From a recognition to the bytes that are stored for it, and from these to their parts.

They are the JSON of an answer's `data`, and after it the drawing, where one was asked for.
"""

from __future__ import annotations

import asyncio
import json

from ocr_engine.result import OcrResult, Recognition
from ocr_engine.worker.messages import PNG_SIGNATURE
from server.answer import Buffer

INLINE_CHARACTERS = 1 << 20
_BOX_CHARACTERS = 100  # of a line, a word or a character, beside its text


async def encode_result(recognition: Recognition) -> bytes:
    """What is stored; made in a thread if it is very long."""
    if _length(recognition.result) < INLINE_CHARACTERS:
        return _encode(recognition)
    return await asyncio.to_thread(_encode, recognition)


def split_result(stored: bytes) -> tuple[Buffer, Buffer]:
    """The JSON of the result, and its drawing or nothing; neither is a copy."""
    if stored.endswith(b"}"):
        return stored, b""
    end = stored.index(PNG_SIGNATURE)  # JSON has no such bytes: line ends are escaped in it
    parts = memoryview(stored)
    return parts[:end], parts[end:]


def _encode(recognition: Recognition) -> bytes:
    text = json.dumps(recognition.result.as_json(), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + recognition.drawing


def _length(result: OcrResult) -> int:
    """About how many characters the JSON of the result will have."""
    boxes = sum(1 + len(line.words or ()) + len(line.chars or ()) for line in result.lines)
    return sum(len(line.text) for line in result.lines) + _BOX_CHARACTERS * boxes
