"""Exit statuses of the command-line clients."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """In this order: all is well; some images or requests failed; not started; Ctrl-C."""

    OK = 0
    FAILED = 1
    NOT_STARTED = 2
    INTERRUPTED = 130
