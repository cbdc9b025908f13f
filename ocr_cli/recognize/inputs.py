"""Finds the images and documents in the arguments: files, folders, patterns and `-`."""

from __future__ import annotations

import functools
import glob
import mmap
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocr_client.image_kinds import image_kind
from ocr_engine.documents.kinds import START_BYTES, Kind, kind_of
from ocr_engine.errors import InvalidImage
from ocr_engine.images.frames import count_gif_frames, count_tiff_pages

STDIN = "-"


class NoInputs(Exception):
    """Nothing that can be read was found; the message is one line for the user."""


@dataclass(frozen=True)
class InputFile:
    """An image or a document: its path, and its name relative to the common folder.

    path is None for standard input; `content` has its bytes then.
    """

    path: Path | None
    name: str
    content: bytes = b""

    @property
    def display_name(self) -> str:
        """The file's name in messages."""
        return str(self.path) if self.path is not None else "standard input"

    def read(self) -> bytes:
        """The file's bytes. A blocking call."""
        return self.content if self.path is None else self.path.read_bytes()

    @functools.cached_property
    def document_kind(self) -> Kind | None:
        """The kind of a PDF, or of a TIFF or GIF of several pages; None for all other files.

        A blocking call. A file that cannot be read is none: reading it will say why.
        """
        try:
            start = self.content if self.path is None else _start_of(self.path)
            kind = kind_of(start)
            return kind if kind == "pdf" or (kind and self._pages(kind) > 1) else None
        except (OSError, ValueError, InvalidImage):
            return None

    def _pages(self, kind: Kind) -> int:
        """How many pages a TIFF or GIF has, by its structure."""
        count = count_gif_frames if kind == "gif" else count_tiff_pages
        if self.path is None:
            return count(self.content)
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            return count(data)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the arguments name. skipped: files in folders that are neither images nor documents.

    root: the folder that names are relative to; None if there is only standard input.
    """

    files: Sequence[InputFile]
    skipped: Sequence[Path] = ()
    root: Path | None = None


def find_inputs(arguments: Sequence[str], leave_out: Path | None = None) -> Inputs:
    """All files in the order of the arguments; in a folder, by name (page2 before page10).

    leave_out: a folder to skip. `-` reads standard input to its end. NoInputs if an argument has
    none.
    """
    found: dict[Path, None] = {}
    skipped: dict[Path, None] = {}
    roots: list[Path] = []
    for argument in arguments:
        if argument == STDIN:
            continue
        root, paths, others = _expand(argument, leave_out)
        if not paths:
            raise NoInputs(f"{argument}: no PDF, JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF or HEIC")
        roots.append(root)
        found.update(dict.fromkeys(paths))
        skipped.update(dict.fromkeys(others))
    given = STDIN in arguments
    files = [InputFile(None, "stdin", sys.stdin.buffer.read())] if given else []
    if not roots:
        return Inputs(files)
    common = os.path.commonpath([root.absolute() for root in roots])
    files += [InputFile(path, os.path.relpath(path.absolute(), common)) for path in found]
    return Inputs(files, [path for path in skipped if path not in found], Path(common))


def _expand(argument: str, leave_out: Path | None) -> tuple[Path, list[Path], list[Path]]:
    """The folder that names are relative to; the files of an argument, and those left out."""
    path = Path(argument)
    if path.is_dir():
        return path, *_sorted_out(_below(path, leave_out))
    if path.exists():
        return path.parent, [path], []
    if not glob.has_magic(argument):
        raise NoInputs(f"{argument}: no such file or folder")
    matches = (Path(match) for match in glob.iglob(argument, recursive=True))
    files = (match for match in matches if match.is_file() and not _is_below(match, leave_out))
    return Path(*_fixed_parts(path)), *_sorted_out(sorted(files, key=natural_key))


def _sorted_out(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Images and documents, and all other files."""
    found: list[Path] = []
    others: list[Path] = []
    for path in paths:
        (found if _is_image_or_document(path) else others).append(path)
    return found, others


def _fixed_parts(pattern: Path) -> Iterator[str]:
    """The parts before the first one with a wildcard."""
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _below(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    """Files in the folder and its subfolders, without hidden files and folders."""
    for name, folders, files in os.walk(folder):
        parent = Path(name)
        folders[:] = [
            each
            for each in sorted(folders, key=natural_key)
            if not each.startswith(".") and not _is_below(parent / each, leave_out)
        ]
        for file in sorted(files, key=natural_key):
            if not file.startswith("."):
                yield parent / file


def natural_key(path: Path | str) -> list[tuple[int, str]]:
    """A sort key that orders numbers in names by value."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _is_image_or_document(path: Path) -> bool:
    """Whether the first bytes are those of one; True if unreadable, so that it is reported."""
    try:
        start = _start_of(path)
    except OSError:
        return True
    return image_kind(start) is not None or kind_of(start) is not None


def _start_of(path: Path) -> bytes:
    """The first bytes of a regular file; of others, nothing is read."""
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        return stream.read(START_BYTES)


def _is_below(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.absolute().is_relative_to(folder.absolute())
