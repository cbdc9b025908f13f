"""A file without a name, for bytes that are written once and sent."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator

from server.errors import StorageUnavailable

PART_BYTES = 256 << 10


class UnnamedFile:
    """In the folder for temporary files; gone with this object, or with the process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    @property
    def size(self) -> int:
        """In bytes."""
        return os.fstat(self.descriptor).st_size

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The content, read as it is taken."""
        place = 0
        while part := await asyncio.to_thread(os.pread, self.descriptor, PART_BYTES, place):
            place += len(part)
            yield part


async def unnamed_file() -> UnnamedFile:
    """A new file; StorageUnavailable if the folder for temporary files does not work."""
    try:
        return UnnamedFile(await asyncio.to_thread(_descriptor))
    except OSError as error:
        raise StorageUnavailable(
            "the file cannot be written at the moment; the server's log has the cause"
        ) from error


def _descriptor() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
