"""Writes bytes to a descriptor."""

from __future__ import annotations

import os


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of it, however many calls that takes; OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
