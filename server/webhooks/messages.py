"""The body of a message, in the form that Standard Webhooks recommends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def message_body(kind: str, at: float, data: Mapping[str, Any]) -> str:
    """The message as JSON.

    kind: what happened, such as `job.done`. at: when, in Unix seconds. data: what it happened to.
    """
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    message = {"type": kind, "timestamp": time.replace("+00:00", "Z"), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
