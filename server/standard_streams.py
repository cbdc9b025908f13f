"""Standard streams as a server may find them: closed, on a full disk, or not in Unicode.

Imports nothing that opens files, because it runs before everything else.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_standard_streams() -> None:
    """Open /dev/null for closed standard streams, and print `?` for characters without a code.

    Otherwise the next file or socket would get the number of a closed stream, and what is printed.
    """
    for descriptor, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number
        if getattr(sys, name) is None:
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # replaced by a test
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def discard_unwritten() -> None:
    """Drop what a full disk did not take; otherwise Python would try again at exit, and fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def say(line: str, stream: TextIO | None = None) -> None:
    """Write a line, by default to stdout; errors are ignored, so the server starts nevertheless.

    The line bypasses the stream's buffer, where it would stay after an error, and fail at exit.
    """
    target = stream or sys.stdout
    with contextlib.suppress(OSError, ValueError):  # a full disk, a closed pipe, a closed stream
        target.flush()
        encoded = f"{line}\n".encode(target.encoding or "utf-8", "replace")
        os.write(target.fileno(), encoded)
