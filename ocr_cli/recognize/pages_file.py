"""The pages of a document that have been read so far, in a file, so that a run can be resumed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cache.stored_result import StoredResult
from ocr_cli.recognize.origin import CannotWrite, Origin
from server.formats.json_text import dump

FORMAT = "ocr-server pages 1"
MAX_LINE_BYTES = 64 << 10


class _Place(NamedTuple):
    """Where the result of a page is: its JSON, and its artifacts after it."""

    start: int
    json: int
    artifacts: Mapping[str, int]


class PagesFile:
    """The results of one document's pages, each appended when the page is read.

    Only what belongs to this origin is kept. A page is a line of JSON and the bytes that the line
    announces, so what a crash has cut off is noticed, and dropped. page_count, md5: of the
    document; 0 and empty as long as they are unknown.
    """

    def __init__(self, path: Path, origin: Origin) -> None:
        self.page_count = 0
        self.md5 = ""
        self._path = path
        self._origin = origin
        self._places: dict[int, _Place] = {}

    def open(self, again: bool = False) -> None:
        """Open the file; CannotWrite if another run is using it. again: drop what it has."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise CannotWrite(f"another `ocr-server recognize` is using {self._path}") from None
        self._end = 0
        if not again:
            with (
                os.fdopen(os.dup(self._descriptor), "rb") as stream,
                contextlib.suppress(_CutOff, KeyError, TypeError),
            ):
                self._load(stream)
        if self._end:
            os.ftruncate(self._descriptor, self._end)
        else:
            self.clear()

    def clear(self) -> None:
        """Drop all pages."""
        self._places.clear()
        self.page_count, self.md5, self._end = 0, "", 0
        os.ftruncate(self._descriptor, 0)
        self._append({"format": FORMAT, "origin": self._origin})

    @property
    def done(self) -> frozenset[int]:
        """The pages that are here."""
        return frozenset(self._places)

    def has(self, page: int) -> bool:
        """Whether the page is here."""
        return page in self._places

    def describe(self, page_count: int, md5: str) -> None:
        """Note what is known of the document."""
        if (page_count, md5) != (self.page_count, self.md5):
            self._append({"page_count": page_count, "md5": md5})
            self.page_count, self.md5 = page_count, md5

    def add(self, page: int, result: StoredResult) -> None:
        """Append a page; blocks."""
        artifacts = result.artifacts
        data = b"".join((result.json, *artifacts.values()))
        lengths = {kind: len(each) for kind, each in artifacts.items()}
        head = {"page": page, "json": len(result.json), "artifacts": lengths}
        start = self._append({**head, "crc": zlib.crc32(data)}, data)
        self._places[page] = _Place(start, len(result.json), lengths)

    def result(self, page: int) -> StoredResult:
        """The result of a page that is here; blocks."""
        place = self._places[page]
        size = place.json + sum(place.artifacts.values())
        data = os.pread(self._descriptor, size, place.start)
        artifacts, at = {}, place.json
        for kind, length in place.artifacts.items():
            artifacts[kind] = data[at : at + length]
            at += length
        return StoredResult(data[: place.json], artifacts)

    def close(self) -> None:
        """Close the file; it stays for the next run."""
        os.close(self._descriptor)

    def delete(self) -> None:
        """Delete the file; call close(), too."""
        self._path.unlink(missing_ok=True)

    def _append(self, head: Mapping[str, Any], data: bytes = b"") -> int:
        """Write a line and its bytes at the end; returns where the bytes are."""
        line = dump(head) + b"\n"
        unwritten = memoryview(line + data)
        at = self._end
        while unwritten:
            written = os.pwrite(self._descriptor, unwritten, at)
            unwritten, at = unwritten[written:], at + written
        start, self._end = self._end + len(line), at
        return start

    def _load(self, stream: Any) -> None:
        """Read what is there; _CutOff at the first line that is not complete."""
        head = _line(stream)
        if head.get("format") != FORMAT or head.get("origin") != list(self._origin):
            raise _CutOff
        self._end = stream.tell()
        while True:
            head = _line(stream)
            if "page_count" in head:
                self.page_count, self.md5 = int(head["page_count"]), str(head["md5"])
            else:
                place = _Place(stream.tell(), head["json"], head["artifacts"])
                data = stream.read(place.json + sum(place.artifacts.values()))
                if zlib.crc32(data) != head["crc"]:
                    raise _CutOff
                self._places[head["page"]] = place
            self._end = stream.tell()


class _CutOff(Exception):
    """The rest of the file is not what was written."""


def _line(stream: Any) -> dict[str, Any]:
    line = stream.readline(MAX_LINE_BYTES)
    try:
        head = json.loads(line)
    except ValueError:
        raise _CutOff from None
    if not line.endswith(b"\n") or not isinstance(head, dict):
        raise _CutOff
    return head
