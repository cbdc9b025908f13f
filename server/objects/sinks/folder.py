"""Results as files in a folder; a file appears when it is complete."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from server.objects.errors import StoreUnavailable
from server.objects.result import ERROR_SUFFIX, ObjectResult, Version


class FolderSink:
    """See Sink. What was put survives a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def has(self, version: Version) -> bool:
        """See Sink: a file does not say what it was made from."""
        return False

    async def put(self, result: ObjectResult, again: bool) -> None:
        """See Sink; the error of an earlier version is deleted."""
        path = self._path(result.version, result.suffix)
        try:
            await asyncio.to_thread(_write, path, result.body)
            if result.replaces_error:
                self._path(result.version, ERROR_SUFFIX).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{path}: {error.strerror}") from None

    def close(self) -> None:
        """See Sink: nothing is open."""

    def _path(self, version: Version, suffix: str) -> Path:
        return self._folder / f"{version.key}{suffix}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)  # the name, too
    finally:
        os.close(descriptor)
