"""Bytes as an open file in memory, for what needs a descriptor."""

from __future__ import annotations

import asyncio
import os

from server.blobs.write_all import write_all

INLINE_BYTES = 64 << 10  # more are copied in a thread


async def memory_file(data: bytes) -> int:
    """The descriptor of an unnamed file with these bytes; the caller closes it."""
    if len(data) <= INLINE_BYTES:
        return _memory_file(data)
    return await asyncio.to_thread(_memory_file, data)


def _memory_file(data: bytes) -> int:
    descriptor = os.memfd_create("document", os.MFD_CLOEXEC)
    try:
        write_all(descriptor, data)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
