"""Answers of a server that refuses, and how long to continue asking."""

from __future__ import annotations

import json

from ocr_client.connection import Response

GONE_SECONDS = 30.0  # longer than a restart of the server takes
BUSY_SECONDS = 600.0
MAX_PAUSE_SECONDS = 30.0
LATER = frozenset(("queue_full", "draining", "starting", "rate_limited", "queue_timeout"))
MISMATCH = "the answer does not match docs/api.md"


def problem_of(reply: Response) -> tuple[str, str]:
    """The code and the message of an error."""
    try:
        error = json.loads(reply.body)["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return f"http_{reply.status}", MISMATCH


def pause_of(reply: Response) -> float:
    """The seconds in Retry-After, limited to MAX_PAUSE_SECONDS."""
    seconds = reply.header(b"retry-after")
    return min(float(seconds), MAX_PAUSE_SECONDS) if seconds.isdigit() else 1.0
