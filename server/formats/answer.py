"""The content of an answer, independent of its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cache.keys import Digests
from cache.stored_result import StoredResult

CacheOutcome = Literal["hit", "joined", "miss"]

Body = tuple[bytes, ...]  # in parts, so that a cached result is sent without a copy


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored result, with the data for its headers.

    stages: seconds by stage, empty on a hit. age: seconds since it was stored, None if new.
    image: the file that was read, if the format needs it again. changes: what the format could not
    have of it.
    """

    result: StoredResult
    digests: Digests
    stages: Mapping[str, float] = field(default_factory=dict)
    age: float | None = None
    image: bytes | None = None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """The data of an answer in addition to the result."""

    outcome: CacheOutcome
    elapsed_ms: float
    request_id: str
    job: Mapping[str, Any] | None = None
