"""Signals: which stop the server, and what happens if it does not stop."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import signal

CLOSE_SECONDS = 15.0  # after the grace time, to stop what the drain left running
FORCE_SECONDS = 3.0  # a second signal ends the process within this time


def ignore_user_signals() -> None:
    """Ignore SIGUSR1 and SIGUSR2, which would end the process; workers inherit this."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def handle_signals(stop: asyncio.Event, force: asyncio.Event, grace_seconds: float) -> None:
    """Set stop on the first signal and force on the second; each also starts an exit timer.

    SIGHUP, sent when the terminal closes, stops the server unless it is ignored, as with nohup.
    """

    def handle() -> None:
        if stop.is_set():
            force.set()
        stop.set()
        exit_within(FORCE_SECONDS if force.is_set() else grace_seconds + CLOSE_SECONDS)

    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, handle)


def exit_within(seconds: float) -> None:
    """Exit with status 1 after this time, and print where each thread was.

    Otherwise a thread stuck in a system call, as on a disk that does not answer, would keep the
    process alive.
    """
    with contextlib.suppress(RuntimeError, ValueError, OSError):  # no thread or no stderr
        faulthandler.dump_traceback_later(seconds, exit=True)
