"""Which images are meant: files, folders with all that is below them, patterns, `-`."""

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
    """There is nothing to read; the message is the one line that the user reads."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image: its path, and its name below the folder of all.

    One without a path came by standard input; its bytes are `content`.
    """

    path: Path | None
    name: str
    content: bytes = b""

    @property
    def shown(self) -> str:
        """What the user knows it by."""
        return str(self.path) if self.path is not None else "standard input"

    def read(self) -> bytes:
        """Its bytes; blocks."""
        return self.content if self.path is None else self.path.read_bytes()


def find_images(arguments: Sequence[str], leave_out: Path | None = None) -> list[ImageFile]:
    """All images in the order given, those of a folder by name (page2 before page10).

    leave_out: a folder below which nothing is looked for. Reads standard input to its end for `-`.
    NoImages if an argument has none.
    """
    found: dict[Path, None] = {}
    roots: list[Path] = []
    wanted = [argument for argument in arguments if argument != STDIN]
    for argument in wanted:
        root, paths = _expand(argument, leave_out)
        roots.append(root)
        if not paths:
            raise NoImages(f"{argument}: there is no JPEG, PNG, GIF, BMP, TIFF or WebP")
        found.update(dict.fromkeys(paths))
    given = STDIN in arguments
    images = [ImageFile(None, "stdin", sys.stdin.buffer.read())] if given else []
    if roots:
        common = os.path.commonpath([root.absolute() for root in roots])
        images += [ImageFile(path, os.path.relpath(path.absolute(), common)) for path in found]
    return images


def _expand(argument: str, leave_out: Path | None) -> tuple[Path, list[Path]]:
    """The folder that names count from, and the images that an argument stands for."""
    path = Path(argument)
    if path.is_dir():
        return path, list(_below(path, leave_out))
    if path.exists():
        return path.parent, [path]
    if not glob.has_magic(argument):
        raise NoImages(f"there is no file or folder {argument}")
    matches = (Path(match) for match in glob.iglob(argument, recursive=True))
    files = (match for match in matches if match.is_file() and not _is_below(match, leave_out))
    return Path(*_fixed_parts(path)), sorted(filter(_is_image, files), key=natural_key)


def _fixed_parts(pattern: Path) -> Iterator[str]:
    """The folders in front of the first part with a wildcard."""
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _below(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    """Images in the folder and below, folder by folder; what is hidden stays out."""
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
    """Orders numbers within names by their value."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _is_image(path: Path) -> bool:
    """Told by the first bytes; what cannot be read is kept, so that it is reported."""
    try:
        return path.is_file() and file_kind(path) is not None
    except OSError:
        return True


def _is_below(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.absolute().is_relative_to(folder.absolute())
