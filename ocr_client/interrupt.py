"""Handles Ctrl-C while an event loop runs.

The first Ctrl-C stops the work and keeps the results so far; the second one exits immediately.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any

from ocr_client.exit_status import ExitStatus


async def until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Run the work; the first SIGINT cancels it (returns True), a second one ends the process.

    A KeyboardInterrupt is not enough: the loop's shutdown waits for threads, and one of them may
    wait for a file forever.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, _leave)
        task.cancel()

    with suppress(ValueError, RuntimeError):  # works only in the main thread
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
        return True
    finally:
        with suppress(ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)
    return False


def _leave(_: int, __: FrameType | None) -> None:
    os.write(2, b"interrupted again, exiting\n")
    os._exit(ExitStatus.INTERRUPTED)  # the kernel kills the worker processes
