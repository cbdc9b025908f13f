"""Finds the images in the arguments: files, folders, patterns and `-`."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocr_client.image_kinds import file_kind

STDIN = "-"


class NoImages(Exception):
    """No image was found; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image: its path, and its name relative to the common folder.

    path is None for standard input; `content` has its bytes then.
    """

    path: Path | None
    name: str
    content: bytes = b""

    @property
    def display_name(self) -> str:
        """The image's name in messages."""
        return str(self.path) if self.path is not None else "standard input"

    def read(self) -> bytes:
        """The image's bytes. A blocking call."""
        return self.content if self.path is None else self.path.read_bytes()


def find_images(arguments: Sequence[str], leave_out: Path | None = None) -> list[ImageFile]:
    """All images in the order of the arguments; in a folder, by name (page2 before page10).

    leave_out: a folder to skip. `-` reads standard input to its end. NoImages if an argument has
    none.
    """
    found: dict[Path, None] = {}
    roots: list[Path] = []
    wanted = [argument for argument in arguments if argument != STDIN]
    for argument in wanted:
        root, paths = _expand(argument, leave_out)
        roots.append(root)
        if not paths:
            raise NoImages(f"{argument}: no JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF or HEIC found")
        found.update(dict.fromkeys(paths))
    given = STDIN in arguments
    images = [ImageFile(None, "stdin", sys.stdin.buffer.read())] if given else []
    if roots:
        common = os.path.commonpath([root.absolute() for root in roots])
        images += [ImageFile(path, os.path.relpath(path.absolute(), common)) for path in found]
    return images


def _expand(argument: str, leave_out: Path | None) -> tuple[Path, list[Path]]:
    """The folder that names are relative to, and the images of an argument."""
    path = Path(argument)
    if path.is_dir():
        return path, list(_below(path, leave_out))
    if path.exists():
        return path.parent, [path]
    if not glob.has_magic(argument):
        raise NoImages(f"{argument}: no such file or folder")
    matches = (Path(match) for match in glob.iglob(argument, recursive=True))
    files = (match for match in matches if match.is_file() and not _is_below(match, leave_out))
    return Path(*_fixed_parts(path)), sorted(filter(_is_image, files), key=natural_key)


def _fixed_parts(pattern: Path) -> Iterator[str]:
    """The parts before the first one with a wildcard."""
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _below(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    """Images in the folder and its subfolders, without hidden files and folders."""
    for name, folders, files in os.walk(folder):
        parent = Path(name)
        folders[:] = [
            each
            for each in sorted(folders, key=natural_key)
            if not each.startswith(".") and not _is_below(parent / each, leave_out)
        ]
        for file in sorted(files, key=natural_key):
            if not file.startswith(".") and _is_image(parent / file):
                yield parent / file


def natural_key(path: Path | str) -> list[tuple[int, str]]:
    """A sort key that orders numbers in names by value."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _is_image(path: Path) -> bool:
    """Whether the first bytes are those of an image; True if unreadable, so that it is reported."""
    try:
        return path.is_file() and file_kind(path) is not None
    except OSError:
        return True


def _is_below(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.absolute().is_relative_to(folder.absolute())
