"""Results as lines of JSON at the end of a file."""

from __future__ import annotations

import asyncio
import fcntl
import os
from io import FileIO
from pathlib import Path

from server.formats.json_text import dump
from server.objects.errors import StoreUnavailable
from server.objects.result import ObjectResult, Version, head_of

BLOCK_BYTES = 64 << 10


class JsonLinesSink:
    """See Sink. Each version of an object has one line, whatever ends the process.

    The file is opened with the first line, and locked: two processes do not write it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._turn = asyncio.Lock()

    async def has(self, version: Version) -> bool:
        """See Sink: that is looked up when a line may have been written before."""
        return False

    async def put(self, result: ObjectResult, again: bool) -> None:
        """See Sink; lines of other versions stay."""
        async with self._turn:
            try:
                await asyncio.to_thread(self._put, result, again)
            except BlockingIOError:
                raise StoreUnavailable(f"{self._path}: another process writes to it") from None
            except OSError as error:
                raise StoreUnavailable(f"{self._path}: {error.strerror}") from None

    def close(self) -> None:
        """See Sink: other processes may write the file then."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _put(self, result: ObjectResult, again: bool) -> None:
        file = self._file or self._opened()
        if again and self._has_line(result.version):
            return
        end = file.seek(0, os.SEEK_END)
        try:
            left = memoryview(dump(result.record) + b"\n")
            while left:  # a disk that fills up takes a part
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), end)  # not half a line
            raise

    def _opened(self) -> FileIO:
        """The file, locked, without the half line that a crash of the machine may have left."""
        file = self._path.open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file.fileno(), _end_of_lines(file))
        except OSError:
            file.close()
            raise
        self._file = file
        return file

    def _has_line(self, version: Version) -> bool:
        start = dump(head_of(version))[:-1] + b","
        with self._path.open("rb") as lines:
            return any(line.startswith(start) for line in lines)


def _end_of_lines(file: FileIO) -> int:
    """The length of the file without an unfinished last line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - BLOCK_BYTES)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
