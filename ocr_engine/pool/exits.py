"""How a worker process ended, and whether the image that it was reading may have caused that."""

from __future__ import annotations

import enum
import signal
from typing import NamedTuple

# What native code does to itself. Other signals come from outside: an operator, a terminal that
# was closed, a service manager.
_OWN_SIGNALS = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)


class ExitReason(enum.StrEnum):
    """Why a worker ended, as metrics and /healthz name it; docs/operations.md explains each."""

    RECYCLED = "recycled"
    OUT_OF_MEMORY = "out_of_memory"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    STUCK = "stuck"
    NOT_STARTED = "not_started"
    PROTOCOL_ERROR = "protocol_error"
    LEFT = "left"
    EXIT = "exit"
    SIGNAL = "signal"
    SHUTDOWN = "shutdown"


class WorkerExit(NamedTuple):
    """The end of a worker process.

    detail: a few words for the log. self_inflicted: the worker ended by what it did itself, so the
    image that it was reading is under suspicion; False where it was killed from outside or by us.
    signal: which one, for ExitReason.SIGNAL.
    """

    reason: ExitReason
    detail: str
    self_inflicted: bool = False
    signal: str = ""

    @property
    def label(self) -> str:
        """What metrics count it as: the reason, or the name of the signal (`sigkill`)."""
        return self.signal.lower() if self.reason is ExitReason.SIGNAL else self.reason.value


def worker_exit(code: int, out_of_memory: bool) -> WorkerExit:
    """The exit with a code as multiprocessing has it: negative for a signal.

    out_of_memory: a SIGKILL came when memory ran out, so it was probably the kernel's.
    """
    if code >= 0:
        reason = ExitReason.EXIT if code else ExitReason.LEFT
        return WorkerExit(reason, f"exit status {code}", self_inflicted=True)
    try:
        number = signal.Signals(-code)
    except ValueError:
        return WorkerExit(ExitReason.SIGNAL, f"killed by signal {-code}", signal=f"sig{-code}")
    self_inflicted = number in _OWN_SIGNALS or (number is signal.SIGKILL and out_of_memory)
    return WorkerExit(ExitReason.SIGNAL, f"killed by {number.name}", self_inflicted, number.name)
