"""How the front end's memory is given back to the kernel: not after every request."""

from __future__ import annotations

import contextlib
import ctypes

TRIM_BYTES = 16 << 20
MMAP_BYTES = 1 << 20

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let glibc keep up to TRIM_BYTES that are free at the end of the heap; workers set their own.

    It gives back what is above 128 KiB, so that each upload of that size asks for its pages anew:
    up to 0.1 ms. Blocks of MMAP_BYTES and more go back at once, as before. Other C libraries have
    no such call, or ignore it.
    """
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, MMAP_BYTES)
