"""When glibc returns memory to the kernel: not after every request, but after a flood of them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable
from typing import Protocol

from ocr_engine.memory import return_free_memory

TRIM_BYTES = 16 << 20
MMAP_BYTES = 1 << 20
FALLEN_BYTES = 64 << 20  # so many fewer bytes in use than at the peak: return memory
PAUSE_SECONDS = 10.0

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let glibc keep up to TRIM_BYTES of free memory at the end of the heap.

    By default it returns everything above 128 KiB, so each upload of that size has to fetch its
    pages again, which takes up to 0.1 ms. Blocks of MMAP_BYTES and more are still returned
    immediately. Other C libraries lack or ignore this call. Workers have their own settings.
    """
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, MMAP_BYTES)


class BytesInUse(Protocol):
    """The bytes of images and answers in the server; peak: the most since it was last set."""

    peak: int

    def total(self) -> int:
        """The number of bytes now."""


class FreedMemory:
    """Returns memory to the kernel after many large uploads have been released.

    Chunks of uploads are smaller than MMAP_BYTES, so they leave holes in the heap, and glibc itself
    returns only the end of the heap. give_back: returns the rest; called in a thread, as it blocks.
    """

    def __init__(
        self, in_use: BytesInUse, give_back: Callable[[], None] = return_free_memory
    ) -> None:
        self._in_use = in_use
        self._give_back = give_back

    async def run(self) -> None:
        """Look every PAUSE_SECONDS, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Return memory if much less is in use than at the peak."""
        total = self._in_use.total()
        if self._in_use.peak - total > FALLEN_BYTES:
            self._in_use.peak = total
            await asyncio.to_thread(self._give_back)
