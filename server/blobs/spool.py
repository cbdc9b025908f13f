"""The images of one request, in memory or in an unnamed temporary file; gone with the process."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Collection

from server.errors import StorageUnavailable

MEMORY_BYTES = 1 << 20  # of each request; if its images need more, all are in the file

log = logging.getLogger(__name__)


class Spool:
    """See Inputs. Call close() at the end; delete() deletes nothing."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115
        self._turn = asyncio.Lock()
        self._size = 0

    async def put(self, data: bytes) -> str:
        """See Inputs."""
        async with self._turn:
            try:
                await asyncio.to_thread(self._append, data)
            except OSError as error:
                log.warning("images of a request: %s", error)
                raise StorageUnavailable(
                    "images cannot be kept at the moment; the server's log has the cause"
                ) from error
            start, self._size = self._size, self._size + len(data)
            return f"{start}:{len(data)}"

    async def get(self, blob_id: str) -> bytes:
        """See Inputs."""
        start, _, length = blob_id.partition(":")
        async with self._turn:
            return await asyncio.to_thread(self._read, int(start), int(length))

    async def delete(self, blob_ids: Collection[str]) -> None:
        """See Inputs."""

    def close(self) -> None:
        """Delete all images."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        self._file.seek(self._size)
        self._file.write(data)

    def _read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)
