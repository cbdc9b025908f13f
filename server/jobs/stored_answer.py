"""The result of a job as bytes: a line of JSON that says what follows, then the parts."""

from __future__ import annotations

import json
from typing import Any

from cache.keys import Digests
from cache.stored_result import StoredResult
from server.formats.answer import Answer


def packed(answer: Answer) -> bytes:
    """The bytes of an answer, without its digests."""
    result = answer.result
    head = {
        "json": len(result.json),
        "artifacts": {kind: len(data) for kind, data in result.artifacts.items()},
        "stages": dict(answer.stages),
        "age": answer.age,
    }
    return b"".join((json.dumps(head).encode(), b"\n", result.json, *result.artifacts.values()))


def unpacked(data: bytes, digests: Digests) -> Answer:
    """The answer."""
    line, _, rest = data.partition(b"\n")
    head: dict[str, Any] = json.loads(line)
    end = head["json"]
    artifacts = {}
    for kind, size in head["artifacts"].items():
        artifacts[kind] = rest[end : end + size]
        end += size
    result = StoredResult(rest[: head["json"]], artifacts)
    return Answer(result, digests, head["stages"], head["age"])
