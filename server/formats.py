"""How an answer is written: json, text, legacy. A stored result is sent as the bytes it is."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from server.request_fields import Format
from server.service import Answer, CacheOutcome

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer says beside the result."""

    outcome: CacheOutcome
    elapsed_ms: float
    request_id: str
    job: dict[str, Any] | None = None


def render(answer: Answer, chosen: Format, envelope: Envelope) -> tuple[str, bytes]:
    """Content-Type and body of an answer."""
    if chosen == "json":
        return JSON_TYPE, _json(answer, envelope)
    data = json.loads(answer.data)
    if chosen == "text":
        return TEXT_TYPE, data["text"].encode()
    legacy = [[line["box"], [line["text"], line["confidence"]]] for line in data["lines"]]
    return JSON_TYPE, dump(legacy)


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _json(answer: Answer, envelope: Envelope) -> bytes:
    rest: dict[str, Any] = {
        "cache": envelope.outcome,
        "md5": answer.digests.md5,
        "elapsed_ms": round(envelope.elapsed_ms, 1),
        "timestamp": int(time.time()),
        "request_id": envelope.request_id,
    }
    if envelope.job is not None:
        rest["job"] = envelope.job
    return b'{"status":"success","data":%b,%b' % (answer.data, dump(rest)[1:])
