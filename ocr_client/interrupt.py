"""Ctrl-C while a loop runs: once to stop with what there is, twice to leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any

INTERRUPTED = 130


async def until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Run it; the first SIGINT cancels it (True), a second one ends the process.

    An exception in place of that could be caught in the middle of the loop's own shutdown, which
    waits for its threads, and one of them may wait for a file for ever.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, _leave)
        task.cancel()

    with suppress(ValueError, RuntimeError):  # only the main thread can
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
    os.write(2, b"stopped at once\n")
    os._exit(INTERRUPTED)  # the kernel ends the workers of this process
