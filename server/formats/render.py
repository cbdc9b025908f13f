"""Formats that are sent as stored, or written from the lines alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from ocr_engine.result import Document
from ocr_engine.result_json import BoxJson, PageJson
from server.errors import BadField
from server.formats.answer import Answer, Body, CacheOutcome, Envelope
from server.formats.data_json import DataJson, ShownBlockJson, json_data
from server.formats.json_text import dump
from server.formats.pdf.order import PDF_TYPE
from server.formats.plain_text import text_of
from server.formats.rendering import Rendering
from server.formats.stored import (
    DRAWING_TYPE,
    StoredLine,
    decode_raster_lines,
    decode_result,
    decode_text,
)


class _StoredPart(TypedDict):
    """The start of an answer; by default, the result is written as it is stored."""

    status: Literal["success"]
    data: DataJson


class RestOfAnswer(TypedDict):
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


class AnswerJson(_StoredPart, RestOfAnswer):
    """The format json, without the job that may follow."""


LegacyText = tuple[
    Annotated[str, "The line."],
    Annotated[float, "Its confidence.", {"minimum": 0, "maximum": 1}],
]
LegacyJson = Annotated[
    list[tuple[BoxJson, LegacyText]],
    "`[[box, [text, confidence]], …]`, the answer of the legacy API.",
]


def render_json(answer: Answer, rendering: Rendering, envelope: Envelope) -> Body:
    """The data and the envelope's data in one object."""
    data = json_data(answer.result, rendering)
    return b'{"status":"success","data":', data, b"," + dump(_rest(answer, envelope))[1:]


class FlatDataJson(PageJson):
    """The recognized text, with the lines as three lists of the same length."""

    boxes: list[BoxJson]
    texts: list[str]
    scores: Annotated[list[float], "How certain the model is of each line, from 0 to 1."]
    blocks: NotRequired[
        Annotated[list[ShownBlockJson], "With `layout=true`: the blocks, in reading order."]
    ]


class _FlatPart(TypedDict):
    """The start of an answer in the format flat."""

    status: Literal["success"]
    data: FlatDataJson


class FlatAnswerJson(_FlatPart, RestOfAnswer):
    """The format flat, without the job that may follow."""


def render_flat(answer: Answer, rendering: Rendering, envelope: Envelope) -> Body:
    """As JSON, with the lines as lists of boxes, texts and scores."""
    data = json.loads(json_data(answer.result, rendering))
    lines = data.pop("lines")
    data["boxes"] = [line["box"] for line in lines]
    data["texts"] = [line["text"] for line in lines]
    data["scores"] = [line["confidence"] for line in lines]
    return b'{"status":"success","data":', dump(data), b"," + dump(_rest(answer, envelope))[1:]


def render_text(answer: Answer, rendering: Rendering, _: Envelope) -> Body:
    """The text alone."""
    return (write_text(answer_text(answer, rendering)),)


def answer_text(answer: Answer, rendering: Rendering) -> str:
    """The text, joined as the rendering says."""
    if rendering.is_plain:
        return decode_text(answer.result)
    document = decode_result(answer.result, rendering.drop_score, rendering.order)
    return text_of(document, rendering.text)


def write_text(text: str) -> bytes:
    """The text as a file: each line ends with a newline."""
    return f"{text}\n".encode("utf-8", "replace") if text else b""


def render_legacy(answer: Answer, rendering: Rendering, _: Envelope) -> Body:
    """The list of lines of the legacy API, in raster order unless another one is asked for.

    It cannot say of a line that it was not read, so these are left out.
    """
    if rendering.drop_score is None and rendering.order != "layout":
        lines = decode_raster_lines(answer.result)
    else:
        order = rendering.order or "raster"
        lines = _lines(decode_result(answer.result, rendering.drop_score, order))
    legacy: LegacyJson = [(box, (text, confidence)) for text, confidence, box in lines]
    return (dump(legacy),)


def _rest(answer: Answer, envelope: Envelope) -> Mapping[str, Any]:
    rest: RestOfAnswer = {
        "cache": envelope.outcome,
        "md5": answer.digests.md5,
        "elapsed_ms": round(envelope.elapsed_ms, 1),
        "timestamp": int(time.time()),
        "request_id": envelope.request_id,
    }
    return {**rest} if envelope.job is None else {**rest, "job": envelope.job}


def _lines(document: Document) -> list[StoredLine]:
    return [
        (line.text, line.confidence, line.box) for line in document.lines if line.script is None
    ]


def render_drawing(answer: Answer, rendering: Rendering, _: Envelope) -> Body:
    """The stored drawing; BadField if none was requested with the image."""
    drawing = answer.result.artifacts.get(DRAWING_TYPE)
    if drawing is None:
        raise BadField(
            "format = image: this result has no drawing; send the image with format=image"
        )
    return (drawing,)


def render_pdf(answer: Answer, _: Rendering, __: Envelope) -> Body:
    """The PDF, which has been written before."""
    return (answer.result.artifacts[PDF_TYPE],)
