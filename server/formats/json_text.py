"""JSON as all answers have it: compact UTF-8."""

from __future__ import annotations

import json
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON; half a surrogate pair, which JSON can carry, becomes a `?`."""
    return _ENCODER.encode(value).encode("utf-8", "replace")
