"""Results in a file, which outlives the process: lines of JSON and the bytes between them.

The first line has the format, the time, and the identity of program, models and settings. Each
result is a line with its key, age and lengths, then its JSON and its artifacts. The last line has
the number of results and the SHA-256 of everything before that line. Nothing in the file is ever
executed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cache.keys import CacheKey
from cache.stored_result import StoredResult

FILE_NAME = "results"
TEMPORARY = "results-*.tmp"  # the names of a file that is being written
FORMAT = "ocr-server results 1"
MAX_LINE_BYTES = 64 << 10
MAX_CLOCK_ERROR_SECONDS = 60.0


class KeptFileError(Exception):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result with its key, the SHA-256 of its image, and its age in seconds."""

    key: CacheKey
    sha256: str
    result: StoredResult
    age: float


def write_results(
    stream: BinaryIO, results: Iterable[KeptResult], identity: str, now: float
) -> None:
    """Write results; identity: of the program, models and settings. now: Unix time."""
    hasher = hashlib.sha256()

    def write(data: bytes) -> None:
        hasher.update(data)
        stream.write(data)

    write(_line({"format": FORMAT, "identity": identity, "saved_at": now}))
    count = 0
    for kept in results:
        artifacts = kept.result.artifacts
        head = {
            "key": kept.key,
            "sha256": kept.sha256,
            "age": kept.age,
            "json": len(kept.result.json),
            "artifacts": {kind: len(data) for kind, data in artifacts.items()},
        }
        write(_line(head))
        write(kept.result.json)
        for data in artifacts.values():
            write(data)
        count += 1
    stream.write(_line({"count": count, "digest": hasher.hexdigest()}))


def read_results(
    stream: BinaryIO, identity: str, now: float, max_bytes: int
) -> tuple[KeptResult, ...]:
    """Read all results; KeptFileError if any is damaged, or if the file is not of this identity.

    The time since they were written is added to their ages. max_bytes: limit of the file.
    """
    try:
        return tuple(_read(_Reader(stream, max_bytes), identity, now))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise KeptFileError("it is damaged") from None


def delete_results(folder: Path) -> None:
    """Delete the file, and files that this process or another one is still writing."""
    for path in (*folder.glob(TEMPORARY), folder / FILE_NAME):
        path.unlink(missing_ok=True)


class _Reader:
    """Reads lines and blocks, up to a limit, and hashes them."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        self._stream = stream
        self._left = max_bytes
        self._hasher = hashlib.sha256()
        self._pending = b""  # the last line, which is not hashed if the file ends with it

    def line(self) -> Mapping[str, Any]:
        """The next line; digest() is then that of everything before this line."""
        self._hasher.update(self._pending)
        self._pending = self._take(self._stream.readline(MAX_LINE_BYTES))
        if not self._pending.endswith(b"\n"):
            raise ValueError("a line does not end")
        head = json.loads(self._pending)
        if not isinstance(head, dict):
            raise ValueError("a line is no object")
        return head

    def block(self, length: Any) -> bytes:
        """The next bytes."""
        if type(length) is not int or not 0 <= length <= self._left:
            raise ValueError("a length is wrong")
        self._hasher.update(self._pending)
        data = self._take(self._stream.read(length))
        if len(data) != length:
            raise ValueError("the file ends early")
        self._pending = data
        return data

    def digest(self) -> str:
        """The SHA-256 of all but the last line."""
        return self._hasher.hexdigest()

    def at_end(self) -> bool:
        return not self._stream.read(1)

    def _take(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise KeptFileError("it is larger than the cache")
        return data


def _read(reader: _Reader, identity: str, now: float) -> list[KeptResult]:
    head = reader.line()
    if head["format"] != FORMAT:
        raise KeptFileError("it has another format")
    if head["identity"] != identity:
        raise KeptFileError("it is of another version, or of other models or settings")
    since = now - _seconds(head["saved_at"])
    if since < -MAX_CLOCK_ERROR_SECONDS:
        raise KeptFileError("it is from the future, so that the age of its results is unknown")
    results = []
    while "key" in (head := reader.line()):
        results.append(_result(reader, head, max(0.0, since)))
    if head != {"count": len(results), "digest": reader.digest()} or not reader.at_end():
        raise ValueError("the digest is wrong")
    return results


def _result(reader: _Reader, head: Mapping[str, Any], since: float) -> KeptResult:
    key, sha256 = CacheKey(*head["key"]), head["sha256"]
    if not all(isinstance(part, str) for part in (*key, sha256)):
        raise ValueError("a key is no text")
    age = max(0.0, _seconds(head["age"])) + since
    encoded = reader.block(head["json"])
    artifacts = {kind: reader.block(length) for kind, length in head["artifacts"].items()}
    return KeptResult(key, sha256, StoredResult(encoded, artifacts), age)


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("a time is no number")
    return float(value)


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
