"""The JSON encoding of all answers: compact UTF-8."""

from __future__ import annotations

import json
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
LINES_TYPE = "application/x-ndjson; charset=utf-8"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump(value: Any) -> bytes:
    """Encode as compact UTF-8 JSON; a lone surrogate, which JSON can contain, becomes `?`."""
    return _ENCODER.encode(value).encode("utf-8", "replace")
