"""Where results go: a folder, so that the run can be resumed, or standard output."""

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
from ocr_cli.recognize.reader import OutputOptions
from server.formats.registry import OUTPUT_FORMATS

RECORD = ".ocr-server.jsonl"


class FolderBusy(Exception):
    """The results cannot be written; the message is one line for the user."""


class Origin(NamedTuple):
    """The image file, options and models of a result."""

    size: int
    mtime_ns: int
    how: str


class ResultFolder:
    """A file for each image and format, and a record of their origins.

    A result's line is added to the record after its file is complete. So each result in the record
    is complete, however a run ends.
    """

    def __init__(self, folder: Path, output_options: OutputOptions, fingerprint: str) -> None:
        self.folder = folder
        self._output_options = output_options
        self._how = _digest({"options": dict(output_options.options), "models": fingerprint})
        self._made: dict[str, Origin] = {}

    def open(self) -> None:
        """Create the folder and read the record; FolderBusy if another run is using it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._record = (self.folder / RECORD).open("a+b")
            fcntl.flock(self._record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderBusy(f"another `ocr-server recognize` is using {self.folder}") from None
        except OSError as error:
            raise FolderBusy(f"cannot write to {self.folder}: {error.strerror}") from None
        self._record.seek(0)
        line = b"\n"
        for line in self._record:
            entry = _parse(line)
            if entry is not None:
                self._made[entry[0]] = entry[1]
        if not line.endswith(b"\n"):  # the machine crashed while writing it
            self._record.write(b"\n")

    def close(self) -> None:
        """Release the folder for other runs."""
        self._record.close()

    def has(self, image: ImageFile) -> bool:
        """Whether all results of the image exist, with the same origin."""
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
        """The current origin of an image; call it before the image is read."""
        if image.path is None:
            return Origin(-1, -1, self._how)
        status = image.path.stat()
        return Origin(status.st_size, status.st_mtime_ns, self._how)

    def write(self, image: ImageFile, origin: Origin, outputs: Mapping[str, bytes]) -> None:
        """Write and record each result atomically; blocks."""
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
        return {
            each: image.name + OUTPUT_FORMATS[each].suffix for each in self._output_options.formats
        }


class OrderedOutput:
    """Writes to standard output in the order of the images."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._waiting: dict[int, bytes] = {}
        self._next = 0

    def put(self, place: int, content: bytes) -> bool:
        """Write the text of an image after all earlier ones; returns whether any was written."""
        self._waiting[place] = content
        if place != self._next:
            return False
        while (ready := self._waiting.pop(self._next, None)) is not None:
            self._output.write(ready)
            self._next += 1
        self._output.flush()
        return True


def standard_output() -> OrderedOutput:
    """An ordered output to standard output."""
    return OrderedOutput(sys.stdout.buffer)


def _parse(line: bytes) -> tuple[str, Origin] | None:
    """An entry of the record; None for a truncated line."""
    try:
        entry = json.loads(line.decode("utf-8", "surrogateescape"))
        return entry["result"], Origin(entry["size"], entry["mtime_ns"], entry["how"])
    except (ValueError, KeyError, TypeError):
        return None


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
