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

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


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
    """Compact UTF-8 JSON; half a surrogate pair, which JSON can carry, becomes a `?`."""
    return _ENCODER.encode(value).encode("utf-8", "replace")


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


def server_timing(answer: Answer, total_ms: float) -> str:
    """The stages in milliseconds, as the Server-Timing header has them."""
    entries = [f"{name};dur={seconds * 1000:.1f}" for name, seconds in answer.stages.items()]
    if answer.age is not None:
        entries.append("cache;desc=hit")
    return ", ".join([*entries, f"total;dur={total_ms:.1f}"])
