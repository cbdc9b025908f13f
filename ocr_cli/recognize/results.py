"""Where results go: files below a folder that can be taken up again, or standard output."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ocr_cli.recognize.images import ImageFile
from ocr_cli.recognize.reader import Wanted
from server.formats.registry import OUTPUT_FORMATS

RECORD = ".ocr-server.jsonl"


class FolderBusy(Exception):
    """The results cannot be written; the message is the one line that the user reads."""


class Origin(NamedTuple):
    """Of which image a result is made, and how."""

    size: int
    mtime_ns: int
    how: str


class ResultFolder:
    """One file for each image and format, and a record of what they were made of.

    A line goes into the record when its file is in place: whatever ends a run, the next one finds
    each result whole and recorded, or not recorded.
    """

    def __init__(self, folder: Path, wanted: Wanted, fingerprint: str) -> None:
        self.folder = folder
        self._wanted = wanted
        self._how = _digest({"options": dict(wanted.options), "models": fingerprint})
        self._made: dict[str, Origin] = {}

    def open(self) -> None:
        """Make the folder, read the record; FolderBusy if another run is writing there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._record = (self.folder / RECORD).open("a+b")
            fcntl.flock(self._record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderBusy(f"another `ocr-server recognize` writes to {self.folder}") from None
        except OSError as error:
            raise FolderBusy(f"cannot write to {self.folder}: {error.strerror}") from None
        self._record.seek(0)
        line = b"\n"
        for line in self._record:
            entry = _parse(line)
            if entry is not None:
                self._made[entry[0]] = entry[1]
        if not line.endswith(b"\n"):  # the machine went down while it was written
            self._record.write(b"\n")

    def close(self) -> None:
        """Let others write there."""
        self._record.close()

    def has(self, image: ImageFile) -> bool:
        """Whether all results of the image are there, made of these bytes in this way."""
        if image.path is None:
            return False
        try:
            origin = self.origin(image)
        except OSError:
            return False
        return all(
            self._made.get(name) == origin and (self.folder / name).is_file()
            for name in self._names(image).values()
        )

    def origin(self, image: ImageFile) -> Origin:
        """What the record says of an image; taken before it is read."""
        if image.path is None:
            return Origin(-1, -1, self._how)
        status = image.path.stat()
        return Origin(status.st_size, status.st_mtime_ns, self._how)

    def write(self, image: ImageFile, origin: Origin, outputs: Mapping[str, bytes]) -> None:
        """Put each result in its place, whole or not at all, and record it; blocks."""
        names = self._names(image)
        for format, content in outputs.items():
            path = self.folder / names[format]
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.part")
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
            entry = json.dumps({"result": names[format], **origin._asdict()}, ensure_ascii=False)
            self._record.write(entry.encode("utf-8", "surrogateescape") + b"\n")
        self._record.flush()

    def _names(self, image: ImageFile) -> dict[str, str]:
        return {each: image.name + OUTPUT_FORMATS[each].suffix for each in self._wanted.formats}


class InOrder:
    """Writes to standard output in the order of the images, whichever is read first."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._waiting: dict[int, bytes] = {}
        self._next = 0

    def put(self, place: int, content: bytes) -> bool:
        """Write it as soon as all before it are written; whether anything was written."""
        self._waiting[place] = content
        if place != self._next:
            return False
        while (ready := self._waiting.pop(self._next, None)) is not None:
            self._output.write(ready)
            self._next += 1
        self._output.flush()
        return True


def standard_output() -> InOrder:
    """Standard output, for bytes."""
    return InOrder(sys.stdout.buffer)


def _parse(line: bytes) -> tuple[str, Origin] | None:
    """An entry of the record; None for a line that was cut off."""
    try:
        entry = json.loads(line.decode("utf-8", "surrogateescape"))
        return entry["result"], Origin(entry["size"], entry["mtime_ns"], entry["how"])
    except (ValueError, KeyError, TypeError):
        return None


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
