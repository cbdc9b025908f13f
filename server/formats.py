"""How an answer is written, in each format. A stored result is sent as the bytes it is in JSON.

tsv.py and hocr.py write theirs; both need no server.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from ocr_engine.result import OcrResult
from server.encoding import DRAWING_TYPE
from server.errors import BadField
from server.hocr import HOCR_TYPE, render_hocr
from server.request_fields import Format
from server.service import Answer, CacheOutcome
from server.tsv import TSV_TYPE, render_tsv

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"

Body = tuple[bytes, ...]  # in parts, so that what is kept is sent without being copied

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer says beside the result."""

    outcome: CacheOutcome
    elapsed_ms: float
    request_id: str
    job: dict[str, Any] | None = None


def render(answer: Answer, chosen: Format, envelope: Envelope) -> tuple[str, Body]:
    """Content-Type and body of an answer; BadField for a drawing that was not asked for before."""
    stored = answer.result
    if chosen == "json":
        return JSON_TYPE, _json(answer, envelope)
    if chosen == "image":
        drawing = stored.artifacts.get(DRAWING_TYPE)
        if drawing is None:
            raise BadField("format = image: nothing was drawn; send the picture with format=image")
        return DRAWING_TYPE, (drawing,)
    data = json.loads(stored.json)
    if chosen == "text":
        return TEXT_TYPE, (data["text"].encode(),)
    if chosen == "tsv":
        return TSV_TYPE, (render_tsv(OcrResult.from_json(data)).encode(),)
    if chosen == "hocr":
        return HOCR_TYPE, (render_hocr(OcrResult.from_json(data), answer.digests.md5).encode(),)
    legacy = [[line["box"], [line["text"], line["confidence"]]] for line in data["lines"]]
    return JSON_TYPE, (dump(legacy),)


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON; half a surrogate pair, which JSON can carry, becomes a `?`."""
    return _ENCODER.encode(value).encode("utf-8", "replace")


def _json(answer: Answer, envelope: Envelope) -> Body:
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


def server_timing(answer: Answer, total_ms: float) -> str:
    """The stages in milliseconds, as the Server-Timing header has them."""
    entries = [f"{name};dur={seconds * 1000:.1f}" for name, seconds in answer.stages.items()]
    if answer.age is not None:
        entries.append("cache;desc=hit")
    return ", ".join([*entries, f"total;dur={total_ms:.1f}"])
