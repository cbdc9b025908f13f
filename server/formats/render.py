"""Formats that are sent as stored, or written from the lines alone."""

from __future__ import annotations

import time
from typing import Annotated, Literal, TypedDict

from ocr_engine.result_json import BoxJson, ResultJson
from server.errors import BadField
from server.formats.answer import Answer, Body, CacheOutcome, Envelope
from server.formats.json_text import dump
from server.formats.stored import DRAWING_TYPE, decode_lines, decode_text


class _StoredPart(TypedDict):
    """The start of an answer; the result is written as it is stored."""

    status: Literal["success"]
    data: ResultJson


class _RestOfAnswer(TypedDict):
    """What is written after the stored result."""

    cache: Annotated[
        CacheOutcome,
        "`miss`: recognized for this request. `hit`: from the cache. "
        "`joined`: from a recognition already in progress.",
    ]
    md5: Annotated[str, "MD5 of the image's bytes.", {"pattern": "^[0-9a-f]{32}$"}]
    elapsed_ms: Annotated[
        float,
        "Time from the request's headers to its answer; for a job, to its end.",
        {"minimum": 0},
    ]
    timestamp: Annotated[int, "Unix time of the answer, in seconds.", {"minimum": 0}]
    request_id: Annotated[str, "The same id as in X-Request-Id."]


class AnswerJson(_StoredPart, _RestOfAnswer):
    """The format json, without the job that may follow."""


LegacyText = tuple[
    Annotated[str, "The line."],
    Annotated[float, "Its confidence.", {"minimum": 0, "maximum": 1}],
]
LegacyJson = Annotated[
    list[tuple[BoxJson, LegacyText]],
    "`[[box, [text, confidence]], …]`, the answer of the legacy API.",
]


def render_json(answer: Answer, envelope: Envelope) -> Body:
    """The stored JSON and the envelope's data in one object."""
    rest: _RestOfAnswer = {
        "cache": envelope.outcome,
        "md5": answer.digests.md5,
        "elapsed_ms": round(envelope.elapsed_ms, 1),
        "timestamp": int(time.time()),
        "request_id": envelope.request_id,
    }
    fields = rest if envelope.job is None else {**rest, "job": envelope.job}
    return b'{"status":"success","data":', answer.result.json, b"," + dump(fields)[1:]


def render_text(answer: Answer, _: Envelope) -> Body:
    """The text alone."""
    return (write_text(decode_text(answer.result)),)


def write_text(text: str) -> bytes:
    """The text as a file: each line ends with a newline."""
    return f"{text}\n".encode("utf-8", "replace") if text else b""


def render_legacy(answer: Answer, _: Envelope) -> Body:
    """The list of lines of the legacy API."""
    lines = decode_lines(answer.result)
    legacy: LegacyJson = [(box, (text, confidence)) for text, confidence, box in lines]
    return (dump(legacy),)


def render_drawing(answer: Answer, _: Envelope) -> Body:
    """The stored drawing; BadField if none was requested with the image."""
    drawing = answer.result.artifacts.get(DRAWING_TYPE)
    if drawing is None:
        raise BadField(
            "format = image: this result has no drawing; send the image with format=image"
        )
    return (drawing,)
