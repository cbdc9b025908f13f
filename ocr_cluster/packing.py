"""A stored result and its age as bytes: a line of JSON, then the parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cache.stored_result import StoredResult


class PackingError(Exception):
    """The bytes are not a packed result."""


@dataclass(frozen=True, slots=True)
class PackedResult:
    """A result as servers share it. stored_at: Unix seconds. stages: seconds by stage."""

    result: StoredResult
    stored_at: float
    stages: Mapping[str, float] = field(default_factory=dict)


def pack(packed: PackedResult) -> bytes:
    """The result as bytes."""
    artifacts = packed.result.artifacts
    head = {
        "stored_at": packed.stored_at,
        "json": len(packed.result.json),
        "artifacts": {kind: len(data) for kind, data in artifacts.items()},
        "stages": dict(packed.stages),
    }
    line = json.dumps(head, separators=(",", ":")).encode() + b"\n"
    return b"".join((line, packed.result.json, *artifacts.values()))


def unpack(data: bytes) -> PackedResult:
    """The inverse of pack(); PackingError."""
    try:
        line, _, rest = data.partition(b"\n")
        head = json.loads(line)
        lengths = [int(head["json"]), *map(int, head["artifacts"].values())]
        if sum(lengths) != len(rest) or min(lengths) < 0:
            raise ValueError("the length is wrong")
        parts, start = [], 0
        for length in lengths:
            parts.append(rest[start : start + length])
            start += length
        stages = {str(name): float(seconds) for name, seconds in head["stages"].items()}
        result = StoredResult(parts[0], dict(zip(head["artifacts"], parts[1:], strict=True)))
        return PackedResult(result, float(head["stored_at"]), stages)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackingError(f"not a result: {error}") from None
