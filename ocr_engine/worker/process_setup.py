"""Prepares a worker's process before it loads anything: signals, memory, parent, log."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import logging
import math
import os
import resource
import signal
import sys
import threading
from multiprocessing import connection, parent_process

from ocr_engine.memory import memory_bytes

BACKGROUND_NICE = 10

_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8


def die_with_parent() -> None:
    """Exit when the parent is gone, even in the middle of a native call."""
    parent = parent_process()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def prepare_process() -> None:
    """Prevent core dumps of clients' images; if memory runs out, let the kernel kill workers first.

    All threads share one malloc arena: with one per thread, glibc keeps some 30 MB more.
    """
    own_signals()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")


def own_signals() -> None:
    """Ignore signals that a terminal or an init sends to all processes; log a crash's traceback.

    They are ignored because the parent stops the workers. Called again after loading, because
    Paddle installs its own handlers when it is imported.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable()


def lower_priority() -> None:
    """Give this thread less of the cores than others get (Linux: niceness is by thread)."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        usual = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, usual + BACKGROUND_NICE)


def lift_memory_limit() -> None:
    """Remove the limit of the last image: what follows is not its work."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def limit_memory(task_memory_mb: int) -> None:
    """Make an image that needs too much fail with MemoryError before the machine runs out.

    The limit is set again for each image, because released memory leaves holes in the address space
    and so does not make it smaller.
    """
    if task_memory_mb:
        limit = memory_bytes()[0] + (task_memory_mb << 20)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def limit_cpu_time(seconds: float) -> None:
    """Have the kernel end this process after so much more CPU time, whatever hinders the parent."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
