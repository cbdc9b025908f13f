"""Decoded pixels in shared memory, which pass from process to process without being copied.

Only this program makes them: no file that a client sends is ever taken for them.
"""

from __future__ import annotations

import fcntl
import mmap
import os

CHANNELS = 3  # blue, green, red


class Pixels:
    """An image of 8 bits per channel, in rows from the top without padding.

    It is in an unnamed file in memory, whose descriptor belongs to this object and is closed with
    it. The file cannot shrink, so that whoever maps it can read all of it.
    """

    def __init__(self, width: int, height: int, descriptor: int) -> None:
        self.width = width
        self.height = height
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    def __len__(self) -> int:
        """The number of bytes."""
        return self.width * self.height * CHANNELS

    def writable(self) -> mmap.mmap:
        """A mapping through which the pixels are written."""
        return mmap.mmap(self.descriptor, len(self), mmap.MAP_SHARED | mmap.MAP_POPULATE)

    def private(self) -> mmap.mmap:
        """A mapping of one's own: what is changed there, nobody else sees."""
        return mmap.mmap(self.descriptor, len(self), access=mmap.ACCESS_COPY)


def new_pixels(width: int, height: int) -> Pixels:
    """White is not promised: all bytes are 0. OSError or MemoryError if there is no memory."""
    descriptor = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    pixels = Pixels(width, height, descriptor)
    os.ftruncate(descriptor, len(pixels))
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return pixels


def received_pixels(width: int, height: int, descriptor: int) -> Pixels:
    """The pixels of another process, by its descriptor; ValueError if they are not all there."""
    pixels = Pixels(width, height, descriptor)
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError:
        raise ValueError("the pixels are not in a file in memory") from None
    if not seals & fcntl.F_SEAL_SHRINK:
        raise ValueError("the pixels may be taken away")
    if min(width, height) < 1 or os.fstat(descriptor).st_size < len(pixels):
        raise ValueError(f"these are not {width}x{height} pixels")
    return pixels


ImageData = bytes | Pixels  # an image as a file, or decoded
