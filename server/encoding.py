"""From a recognition to the bytes that an answer's `data` consists of."""

from __future__ import annotations

import asyncio
import json

from ocr_engine.result import Recognition

INLINE_CHARACTERS = 1 << 20


async def encode_result(recognition: Recognition) -> bytes:
    """The JSON of the result; made in a thread if it is very long."""
    lines = recognition.result.lines
    if sum(len(line.text) + 100 for line in lines) < INLINE_CHARACTERS:
        return _encode(recognition)
    return await asyncio.to_thread(_encode, recognition)


def _encode(recognition: Recognition) -> bytes:
    text = json.dumps(recognition.result.as_json(), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
