"""What is answered, whatever the format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cache.keys import Digests
from cache.stored_result import StoredResult

CacheOutcome = Literal["miss", "hit", "joined"]

Body = tuple[bytes, ...]  # in parts, so that what is kept is sent without being copied


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored result, with what the headers say of it.

    stages: seconds by stage, empty on a hit. age: seconds since it was stored, None if new.
    """

    result: StoredResult
    digests: Digests
    stages: Mapping[str, float] = field(default_factory=dict)
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer says beside the result."""

    outcome: CacheOutcome
    elapsed_ms: float
    request_id: str
    job: dict[str, Any] | None = None
