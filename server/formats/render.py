"""The formats that are sent as they are stored, or picked out of the stored JSON."""

from __future__ import annotations

import json
import time
from typing import Any

from server.errors import BadField
from server.formats.answer import Answer, Body, Envelope
from server.formats.json_text import dump
from server.formats.stored import DRAWING_TYPE


def render_json(answer: Answer, envelope: Envelope) -> Body:
    """The stored JSON in its envelope."""
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
    return (json.loads(answer.result.json)["text"].encode(),)


def render_legacy(answer: Answer, _: Envelope) -> Body:
    """The bare list of lines that the server of 2021 answered with."""
    lines = json.loads(answer.result.json)["lines"]
    return (dump([[line["box"], [line["text"], line["confidence"]]] for line in lines]),)


def render_drawing(answer: Answer, _: Envelope) -> Body:
    """The stored drawing; BadField if none was asked for when the image was read."""
    drawing = answer.result.artifacts.get(DRAWING_TYPE)
    if drawing is None:
        raise BadField("format = image: nothing was drawn; send the image with format=image")
    return (drawing,)
