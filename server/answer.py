"""What comes back for an image, before it is written in a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from cache.keys import Digests

Buffer = bytes | memoryview
CacheOutcome = Literal["miss", "hit", "joined"]
Format = Literal["json", "text", "legacy", "tsv", "hocr", "image"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Answer:
    """An encoded result (see encoding.py), with what the headers say of it.

    stages: seconds by stage, empty on a hit. age: seconds since it was stored, None if new.
    """

    data: bytes
    digests: Digests
    stages: Mapping[str, float] = field(default_factory=dict)
    age: float | None = None
