"""How a worker process ended, and whether the image that it was reading may have caused that."""

from __future__ import annotations

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


class WorkerExit(NamedTuple):
    """The end of a worker process.

    reason: for the log and the metrics. own_doing: the worker ended by what it did itself, so the
    image that it was reading is under suspicion; False where it was killed from outside or by us.
    """

    reason: str
    own_doing: bool = False


LEFT = "exit status 0"  # the reason of a worker that left when asked to


def worker_exit(code: int, out_of_memory: bool) -> WorkerExit:
    """The exit with a code as multiprocessing has it: negative for a signal.

    out_of_memory: a SIGKILL came when memory ran out, so it was probably the kernel's.
    """
    if code >= 0:
        return WorkerExit(f"exit status {code}", own_doing=True)
    try:
        number = signal.Signals(-code)
    except ValueError:
        return WorkerExit(f"killed by signal {-code}")
    own_doing = number in _OWN_SIGNALS or (number is signal.SIGKILL and out_of_memory)
    return WorkerExit(f"killed by {number.name}", own_doing)
