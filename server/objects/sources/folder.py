"""The image files of a folder and its subfolders."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from ocr_engine.images.header import SIGNATURE_BYTES, has_signature
from server.objects.errors import ObjectGone, StoreUnavailable
from server.objects.found import Found, is_usable
from server.objects.sources.source import OpenedObject

LISTED_AT_ONCE = 500


class FolderSource:
    """See Source. Keys are paths below the folder; hidden files and folders are left out.

    leave_out: folders below it that have results. The etag of a file is its modification time and
    its size.
    """

    def __init__(self, folder: Path, leave_out: Sequence[Path] = ()) -> None:
        self.folder = folder
        self._leave_out = leave_out

    @property
    def name(self) -> str:
        """See Source."""
        return str(self.folder)

    async def found(self) -> AsyncIterator[Sequence[Found]]:
        """See Source."""
        files = self._files()
        while chunk := await asyncio.to_thread(list, islice(files, LISTED_AT_ONCE)):
            yield chunk

    async def look(self, paths: Iterable[Path]) -> Sequence[Found]:
        """Of these paths, those that are images in this folder."""
        return await asyncio.to_thread(lambda: list(self._these(paths)))

    async def open(self, key: str) -> OpenedObject:
        """See Source."""
        path = self.folder / key
        found = await asyncio.to_thread(self._version, path)

        async def read() -> bytes:
            try:
                return await asyncio.to_thread(path.read_bytes)
            except OSError as error:
                raise StoreUnavailable(f"{path}: {error.strerror}") from None

        return OpenedObject(*found, read)

    def _files(self) -> Iterator[Found]:
        if not self.folder.is_dir():
            raise StoreUnavailable(f"{self.folder}: no such folder")
        for parent, folders, files in os.walk(self.folder):
            folders[:] = sorted(each for each in folders if self._is_searched(Path(parent, each)))
            yield from self._these(Path(parent, name) for name in sorted(files))

    def _these(self, paths: Iterable[Path]) -> Iterator[Found]:
        for path in paths:
            if not path.is_relative_to(self.folder):
                continue
            key = str(path.relative_to(self.folder))
            hidden = any(part.startswith(".") for part in key.split("/"))
            left_out = any(path.is_relative_to(each) for each in self._leave_out)
            if hidden or left_out or not is_usable(key):
                continue
            try:
                status = path.stat()
                if stat.S_ISREG(status.st_mode) and _is_image(path):
                    yield Found(self.name, key, *_version(status), status.st_mtime)
            except OSError:  # gone, or not readable: found again by the next search
                continue

    def _is_searched(self, folder: Path) -> bool:
        return not folder.name.startswith(".") and folder not in self._leave_out

    def _version(self, path: Path) -> tuple[str, int]:
        try:
            return _version(path.stat())
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectGone(str(path)) from None
        except OSError as error:
            raise StoreUnavailable(f"{path}: {error.strerror}") from None


def _version(status: os.stat_result) -> tuple[str, int]:
    """The etag and the size of a file."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}", status.st_size


def _is_image(path: Path) -> bool:
    with path.open("rb") as file:
        return has_signature(file.read(SIGNATURE_BYTES))
