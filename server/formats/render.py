"""Formats that are sent as stored, or written from the lines alone."""

from __future__ import annotations

import time
from typing import Any

from server.errors import BadField
from server.formats.answer import Answer, Body, Envelope
from server.formats.json_text import dump
from server.formats.stored import DRAWING_TYPE, decode_lines, decode_text


def render_json(answer: Answer, envelope: Envelope) -> Body:
    """The stored JSON and the envelope's data in one object."""
    rest: dict[str, Any] = {
        "cache": envelope.outcome,
        "md5": answer.digests.md5,
        "elapsed_ms": round(envelope.elapsed_ms, 1),
        "timestamp": int(time.time()),
        "request_id": envelope.request_id,
    }
    if envelope.job is not None:
        rest["job"] = envelope.job
    return b'{"status":"success","data":', answer.result.json, b"," + dump(rest)[1:]


def render_text(answer: Answer, _: Envelope) -> Body:
    """The text alone."""
    return (write_text(decode_text(answer.result)),)


def write_text(text: str) -> bytes:
    """The text as a file: each line ends with a newline."""
    return f"{text}\n".encode("utf-8", "replace") if text else b""


def render_legacy(answer: Answer, _: Envelope) -> Body:
    """The list of lines of the legacy API."""
    lines = decode_lines(answer.result)
    return (dump([[box, [text, confidence]] for text, confidence, box in lines]),)


def render_drawing(answer: Answer, _: Envelope) -> Body:
    """The stored drawing; BadField if none was requested with the image."""
    drawing = answer.result.artifacts.get(DRAWING_TYPE)
    if drawing is None:
        raise BadField(
            "format = image: this result has no drawing; send the image with format=image"
        )
    return (drawing,)
