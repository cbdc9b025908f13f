"""The message from a front end to a node: references and choices, never an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ocr_cluster.work import Work
from ocr_engine.options import RecognitionOptions, options_from_json

VERSION = 1
MAX_BYTES = 1024
_OPTIONS = tuple(each.name for each in fields(RecognitionOptions))


class MessageError(Exception):
    """A message of another version, or a malformed one."""


@dataclass(frozen=True, slots=True)
class Message:
    """One attempt to have an image read.

    flight: names the recognition in progress; it begins with the id of the front end. attempt: 1
    for the first one; a node drops the message if the flight is at another attempt. deadline_at:
    Unix seconds. user: of the turn, for the log. fresh: the client wants no stored result.
    read_before: see Engine.submit. carry: the front end cannot read the server for the cache, so
    the result is to be put elsewhere, too. traceparent: W3C trace context of the request, or empty.
    """

    flight: str
    work: Work
    options: RecognitionOptions
    deadline_at: float
    user: str
    attempt: int
    fresh: bool = False
    read_before: bool = False
    carry: bool = False
    traceparent: str = ""

    @property
    def front(self) -> str:
        """The id of the front end that waits for the result."""
        return self.flight.partition("-")[0]


def as_json(message: Message) -> dict[str, Any]:
    """Convert a message to plain data."""
    return {
        "v": VERSION,
        "flight": message.flight,
        "key": message.work.key,
        "blob": message.work.sha256,
        "options": {name: getattr(message.options, name) for name in _OPTIONS},
        "deadline_at": round(message.deadline_at, 3),
        "user": message.user,
        "attempt": message.attempt,
        "fresh": message.fresh,
        "read_before": message.read_before,
        "carry": message.carry,
        "traceparent": message.traceparent,
    }


def from_json(data: Any) -> Message:
    """The inverse of as_json(); MessageError."""
    version = data.get("v") if isinstance(data, Mapping) else None
    if version != VERSION:
        raise MessageError(f"version {version!r}, this server knows {VERSION}")
    try:
        scope, md5, options = data["key"].split(":")
        return Message(
            flight=str(data["flight"]),
            work=Work(scope, md5, str(data["blob"]), options),
            options=options_from_json(data["options"]),
            deadline_at=float(data["deadline_at"]),
            user=str(data["user"]),
            attempt=int(data["attempt"]),
            fresh=data["fresh"] is True,
            read_before=data["read_before"] is True,
            carry=data["carry"] is True,
            traceparent=str(data["traceparent"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MessageError(f"malformed: {error!r}") from None


def encode(message: Message) -> bytes:
    """The message as JSON, in less than MAX_BYTES."""
    return json.dumps(as_json(message), separators=(",", ":")).encode()
