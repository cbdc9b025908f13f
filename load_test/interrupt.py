"""Ctrl-C while a loop runs: once to stop with what there is, twice to leave at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


async def until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Run it; the first SIGINT cancels it (True), a second one raises KeyboardInterrupt."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
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
