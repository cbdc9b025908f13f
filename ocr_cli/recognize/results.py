"""Where results go: a folder, so that the run can be resumed, one file, or standard output."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.origin import INCOMPLETE, CannotWrite, Origin, Origins
from ocr_cli.recognize.reader import OutputOptions
from server.formats.registry import OUTPUT_FORMATS

RECORD = ".ocr-server.jsonl"
_PDF = ".pdf"


class Results(Protocol):
    """Files for the results of a run. Call open() first, and close() last; all calls block."""

    origins: Origins

    def open(self) -> None:
        """Prepare for writing; CannotWrite."""

    def close(self) -> None:
        """Release it for other runs."""

    def unfinished(self, file: InputFile, format: str) -> Path:
        """Where a result is written; finish() moves it to its place."""

    def finish(
        self, file: InputFile, origin: Origin, formats: Iterable[str], complete: bool = True
    ) -> None:
        """The results of a file in these formats are written. complete: no page is missing."""

    def pages_path(self, file: InputFile) -> Path:
        """Where the pages of a document are kept until its results are written."""


class ResultFolder:
    """A file for each input and format, and a record of their origins; see Results.

    A result's line is added to the record after its file is complete. So each result in the record
    is complete, however a run ends.
    """

    def __init__(self, folder: Path, output_options: OutputOptions, fingerprint: str) -> None:
        self.folder = folder
        self.origins = Origins(output_options, fingerprint)
        self._output_options = output_options
        self._made: dict[str, Origin] = {}

    def open(self) -> None:
        """Create the folder and read the record; CannotWrite if another run is using it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._record = (self.folder / RECORD).open("a+b")
            fcntl.flock(self._record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotWrite(f"another `ocr-server recognize` is using {self.folder}") from None
        except OSError as error:
            raise CannotWrite(f"cannot write to {self.folder}: {error.strerror}") from None
        self._record.seek(0)
        line = b"\n"
        for line in self._record:
            entry = _parse(line)
            if entry is not None:
                self._made[entry[0]] = entry[1]
        if not line.endswith(b"\n"):  # the machine crashed while writing it
            self._record.write(b"\n")

    def close(self) -> None:
        """See Results."""
        self._record.close()

    def check_names(self, files: Sequence[InputFile]) -> None:
        """CannotWrite if two results would have the same name."""
        taken: dict[str, InputFile] = {}
        for file in files:
            for name in self._names(file):
                if (other := taken.setdefault(name, file)) is not file:
                    raise CannotWrite(
                        f"{other.display_name} and {file.display_name} would both be written to "
                        f"{self.folder / name}; recognize them into different folders"
                    )

    def wrote(self, file: InputFile) -> bool:
        """Whether a file is the result of an earlier run."""
        if file.path is None:
            return False
        return os.path.relpath(file.path.absolute(), self.folder.absolute()) in self._made

    def has(self, file: InputFile) -> bool:
        """Whether all results exist, of the file as it is now, with the same options and models."""
        if file.path is None:
            return False
        try:
            origin = self.origins.of_result(file)
        except OSError:
            return False
        return all(
            self._made.get(name) == origin and (self.folder / name).is_file()
            for name in self._names(file)
        )

    def unfinished(self, file: InputFile, format: str) -> Path:
        """See Results."""
        path = self.folder / result_name(file.name, format)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{path.name}.part")

    def finish(
        self, file: InputFile, origin: Origin, formats: Iterable[str], complete: bool = True
    ) -> None:
        """See Results; an incomplete result is recorded as one that is to be made again."""
        origin = origin if complete else origin._replace(how=INCOMPLETE)
        for format in formats:
            name = result_name(file.name, format)
            os.replace(self.unfinished(file, format), self.folder / name)
            entry = json.dumps({"result": name, **origin._asdict()}, ensure_ascii=False)
            self._record.write(entry.encode("utf-8", "surrogateescape") + b"\n")
        self._record.flush()

    def pages_path(self, file: InputFile) -> Path:
        """See Results: a hidden file next to the results."""
        path = self.folder / file.name
        return path.with_name(f".{path.name}.pages")

    def _names(self, file: InputFile) -> list[str]:
        formats = self._output_options.formats_of(file.document_kind)
        return [result_name(file.name, each) for each in formats]


class ResultFile:
    """One file with the one result of a run; see Results."""

    def __init__(self, path: Path, output_options: OutputOptions, fingerprint: str) -> None:
        self.origins = Origins(output_options, fingerprint)
        self._path = path

    def open(self) -> None:
        """See Results."""
        folder = self._path.parent
        if not folder.is_dir():
            raise CannotWrite(f"cannot write to {self._path}: there is no folder {folder}")
        if not os.access(folder, os.W_OK):
            raise CannotWrite(f"cannot write to {self._path}: Permission denied")

    def close(self) -> None:
        """See Results."""

    def unfinished(self, file: InputFile, format: str) -> Path:
        """See Results."""
        return self._path.with_name(f".{self._path.name}.part")

    def finish(
        self, file: InputFile, origin: Origin, formats: Iterable[str], complete: bool = True
    ) -> None:
        """See Results."""
        for format in formats:
            os.replace(self.unfinished(file, format), self._path)

    def pages_path(self, file: InputFile) -> Path:
        """See Results."""
        return self._path.with_name(f".{self._path.name}.pages")


class OrderedOutput:
    """Writes to standard output in the order of the inputs."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._waiting: dict[int, Iterable[bytes]] = {}
        self._next = 0

    def put(self, place: int, content: Iterable[bytes]) -> bool:
        """Write the text of an input after all earlier ones; returns whether any was written.

        content: its parts, which are not asked for before it is their turn.
        """
        self._waiting[place] = content
        if place != self._next:
            return False
        while (ready := self._waiting.pop(self._next, None)) is not None:
            for part in ready:
                self._output.write(part)
            self._next += 1
        self._output.flush()
        return True


def write_results(
    results: Results, file: InputFile, origin: Origin, outputs: Mapping[str, bytes]
) -> None:
    """Write each result of an image atomically; blocks."""
    for format, content in outputs.items():
        results.unfinished(file, format).write_bytes(content)
    results.finish(file, origin, outputs)


def result_name(name: str, format: str) -> str:
    """The name of a result: that of its source and a suffix, which replaces that of a PDF."""
    suffix = OUTPUT_FORMATS[format].suffix
    if not (name.endswith(_PDF) and suffix.endswith(_PDF)):
        return name + suffix
    return name.removesuffix(_PDF) + (".ocr.pdf" if suffix == _PDF else suffix)


def format_of(name: str) -> str | None:
    """The format whose suffix a file name has; None if it has none of them."""
    rows = [row for row in OUTPUT_FORMATS.values() if row.suffix and name.endswith(row.suffix)]
    return max(rows, key=lambda row: len(row.suffix)).name if rows else None


def _parse(line: bytes) -> tuple[str, Origin] | None:
    """An entry of the record; None for a truncated line."""
    try:
        entry = json.loads(line.decode("utf-8", "surrogateescape"))
        return entry["result"], Origin(entry["size"], entry["mtime_ns"], entry["how"])
    except (ValueError, KeyError, TypeError):
        return None
