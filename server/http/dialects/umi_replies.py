"""Replies of Umi-OCR's API: always 200, with a `code`, as JSON in ASCII."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from server.http.errors import PublicError
from server.http.replies import Reply, problem_headers

TYPE = {"Content-Type": "application/json"}
DONE = 100
BAD_IMAGE, NOT_NOW = 901, 902


def ascii_reply(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with this JSON."""
    return Reply(200, {**TYPE, **(headers or {})}, (ascii_json(body),))


def problem_reply(problem: PublicError, body: Mapping[str, Any]) -> Reply:
    """The reply for an error, with this JSON."""
    return ascii_reply(body, problem_headers(problem))._replace(error=problem.code)


def ascii_json(value: Any) -> bytes:
    """JSON as Umi-OCR writes it."""
    return json.dumps(value).encode()
