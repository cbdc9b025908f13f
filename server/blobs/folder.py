"""Blobs as files in a folder."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from server.blobs.store import BlobMissing
from server.errors import StorageUnavailable
from server.private_files import FOLDER_MODE, opener

UNFINISHED = ".part"
_BLOCK_BYTES = 1 << 20

log = logging.getLogger(__name__)


class FolderBlobs:
    """One file for each blob; see BlobStore. clock: Unix seconds.

    The folder is created, but not its parent: if an operator has moved the parent away, a new one
    would be in the way when the old one is moved back.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    async def put(self, data: bytes) -> str:
        """See BlobStore."""
        return await asyncio.to_thread(self._kept, lambda file: file.write(data))

    async def get(self, blob_id: str) -> bytes:
        """See BlobStore."""
        return await asyncio.to_thread(self._get, blob_id)

    async def put_file(self, descriptor: int) -> str:
        """See BlobStore."""
        return await asyncio.to_thread(self._kept, lambda file: _copy(descriptor, file))

    async def open(self, blob_id: str) -> int:
        """See BlobStore."""
        return await asyncio.to_thread(self._open, blob_id)

    async def delete(self, blob_ids: Collection[str]) -> None:
        """See BlobStore."""
        await asyncio.to_thread(self._delete, blob_ids)

    async def older_than(self, seconds: float) -> list[str]:
        """See BlobStore; also the names of files that were never finished."""
        return await asyncio.to_thread(self._older_than, seconds)

    def _kept(self, write: Callable[[BinaryIO], object]) -> str:
        blob_id = secrets.token_hex(16)
        path = self._folder / blob_id
        unfinished = path.with_suffix(UNFINISHED)
        try:
            self._folder.mkdir(FOLDER_MODE, exist_ok=True)
            with open(unfinished, "xb", opener=opener) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            self._sync_folder()
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise _unavailable(error) from error
        return blob_id

    def _get(self, blob_id: str) -> bytes:
        try:
            return (self._folder / blob_id).read_bytes()
        except FileNotFoundError:
            raise BlobMissing(blob_id) from None
        except OSError as error:
            raise _unavailable(error) from error

    def _open(self, blob_id: str) -> int:
        try:
            return os.open(self._folder / blob_id, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BlobMissing(blob_id) from None
        except OSError as error:
            raise _unavailable(error) from error

    def _delete(self, blob_ids: Collection[str]) -> None:
        try:
            for blob_id in blob_ids:
                (self._folder / blob_id).unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(error) from error

    def _older_than(self, seconds: float) -> list[str]:
        latest = self._clock() - seconds
        try:
            with os.scandir(self._folder) as entries:
                return [entry.name for entry in entries if _changed_at(entry) <= latest]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unavailable(error) from error

    def _sync_folder(self) -> None:
        """Make the name of a new file durable."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _copy(descriptor: int, file: BinaryIO) -> None:
    """Copy a file; its descriptor may be in use elsewhere, so that its position is not moved."""
    place = 0
    while part := os.pread(descriptor, _BLOCK_BYTES, place):
        file.write(part)
        place += len(part)


def _changed_at(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # deleted since it was listed
        return float("inf")


def _unavailable(error: OSError) -> StorageUnavailable:
    log.warning("images of jobs: %s", error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageUnavailable("the disk is full: no image can be kept; try again later")
    return StorageUnavailable("images cannot be kept at the moment; the server's log has the cause")
