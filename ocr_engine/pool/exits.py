"""How a worker process ended, and whether the image it was reading may be the cause."""

from __future__ import annotations

import enum
import signal
from multiprocessing.process import BaseProcess
from typing import NamedTuple

# Signals raised by a crash in native code. Others come from outside: an operator, a closed
# terminal, a service manager.
_CRASH_SIGNALS = frozenset(
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
    NEW_MODELS = "new_models"
    OUT_OF_MEMORY = "out_of_memory"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    STUCK = "stuck"
    PROBE_FAILED = "probe_failed"
    NOT_STARTED = "not_started"
    PROTOCOL_ERROR = "protocol_error"
    LEFT = "left"
    EXIT = "exit"
    SIGNAL = "signal"
    SHUTDOWN = "shutdown"


# What WorkerExit.label may be; of the signals, those that end a worker in practice.
EXIT_LABELS = (
    *(each.value for each in ExitReason if each not in (ExitReason.SIGNAL, ExitReason.SHUTDOWN)),
    *sorted(each.name.lower() for each in (*_CRASH_SIGNALS, signal.SIGKILL, signal.SIGTERM)),
)


class WorkerExit(NamedTuple):
    """The end of a worker process.

    detail: a few words for the log. self_inflicted: the worker crashed or exited by itself, so the
    image it was reading is suspect; False if it was killed from outside or by the parent.
    signal: the signal's name, for ExitReason.SIGNAL.
    """

    reason: ExitReason
    detail: str
    self_inflicted: bool = False
    signal: str = ""

    @property
    def label(self) -> str:
        """The label in metrics: the reason, or the signal's name (`sigkill`)."""
        return self.signal.lower() if self.reason is ExitReason.SIGNAL else self.reason.value


def not_started(error: Exception) -> WorkerExit:
    """The exit of a worker whose process could not be started."""
    return WorkerExit(ExitReason.NOT_STARTED, f"could not be started ({error})")


def worker_exit(code: int, out_of_memory: bool) -> WorkerExit:
    """The exit for a multiprocessing exit code, which is negative for a signal.

    out_of_memory: memory had run out, so a SIGKILL probably came from the kernel.
    """
    if code >= 0:
        reason = ExitReason.EXIT if code else ExitReason.LEFT
        return WorkerExit(reason, f"exit status {code}", self_inflicted=True)
    try:
        number = signal.Signals(-code)
    except ValueError:
        return WorkerExit(ExitReason.SIGNAL, f"killed by signal {-code}", signal=f"sig{-code}")
    self_inflicted = number in _CRASH_SIGNALS or (number is signal.SIGKILL and out_of_memory)
    return WorkerExit(ExitReason.SIGNAL, f"killed by {number.name}", self_inflicted, number.name)


def reap(process: BaseProcess, seconds: float) -> int:
    """Wait for the end of a process; kill it after so many seconds. Returns the exit code."""
    process.join(seconds)
    if process.is_alive():
        process.kill()
    while process.exitcode is None:
        process.join(0.1)
    code = process.exitcode
    process.close()
    return code
