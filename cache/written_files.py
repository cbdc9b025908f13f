"""Files that were written from results, such as searchable PDFs, kept for those who ask again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from cachetools import TTLCache

ENTRY_OVERHEAD_BYTES = 4096  # a block of the disk


class Sized(Protocol):
    """A file with what belongs to it."""

    @property
    def size(self) -> int:
        """In bytes."""


File = TypeVar("File", bound=Sized)


class FileKey(NamedTuple):
    """Owner as in CacheKey, MD5 of the source, and a digest of all that was asked for."""

    owner: str
    md5: str
    asked: str


class _Kept(NamedTuple):
    file: Any
    content: str


class WrittenFiles(Generic[File]):
    """The most recently used files; used from one thread. A file is gone with its last user.

    max_bytes: of all files, with a flat overhead for each. Either limit of 0 disables it. clock:
    seconds.
    """

    def __init__(
        self, max_bytes: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._enabled = max_bytes > 0 and ttl_seconds > 0
        self._files: TTLCache[FileKey, _Kept] = TTLCache(
            max_bytes, ttl_seconds, timer=clock, getsizeof=_size
        )

    def __len__(self) -> int:
        """The number of files."""
        self._files.expire()
        return len(self._files)

    def __contains__(self, key: FileKey) -> bool:
        """Whether there is a file, of whatever results; does not count as use."""
        return key in self._files

    def get(self, key: FileKey, content: str) -> File | None:
        """The file that was written from these results; content: their digest."""
        kept = self._files.get(key)
        return kept.file if kept is not None and kept.content == content else None

    def put(self, key: FileKey, content: str, file: File) -> None:
        """Keep a file, unless it is too large; the least recently used ones give way."""
        kept = _Kept(file, content)
        if self._enabled and _size(kept) <= self._files.maxsize:
            self._files[key] = kept

    def forget(self, owner: str, md5: str | None = None) -> int:
        """Drop the files of an owner, or those of the source with this MD5; returns how many."""
        self._files.expire()
        found = [key for key in self._files if key.owner == owner and md5 in (None, key.md5)]
        for key in found:
            del self._files[key]
        return len(found)


def _size(kept: _Kept) -> int:
    return int(kept.file.size) + ENTRY_OVERHEAD_BYTES
