"""What a command does when the reader of its output leaves, such as `| head`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ocr_client.exit_status import ExitStatus


def run_into_pipe(run: Callable[[], int]) -> int:
    """Run a command; exit status 1, and no traceback, if nobody reads its output any more."""
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return ExitStatus.FAILED
