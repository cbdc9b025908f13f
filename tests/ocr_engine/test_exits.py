"""Who is to blame for the end of a worker, and what the system says of memory."""

from __future__ import annotations

import os
import signal

import pytest

from ocr_engine.pool.exits import worker_exit
from ocr_engine.pool.memory import memory_bytes, memory_limit_mb, oom_kills, rss_mb


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_a_crash_is_the_worker_s_own_doing(number: signal.Signals) -> None:
    assert worker_exit(-number, out_of_memory=False) == (f"killed by {number.name}", True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_from_outside_is_not(number: signal.Signals) -> None:
    assert worker_exit(-number, out_of_memory=False) == (f"killed by {number.name}", False)


def test_sigkill_is_when_memory_ran_out() -> None:
    assert worker_exit(-signal.SIGKILL, out_of_memory=True) == ("killed by SIGKILL", True)
    assert worker_exit(-signal.SIGTERM, out_of_memory=True) == ("killed by SIGTERM", False)


def test_a_worker_that_left_by_itself_and_a_signal_without_a_name() -> None:
    assert worker_exit(7, out_of_memory=False) == ("exit status 7", True)
    assert worker_exit(-40, out_of_memory=False) == ("killed by signal 40", False)


def test_the_memory_of_a_process() -> None:
    size, resident = memory_bytes(os.getpid())
    assert size > resident > 0
    assert rss_mb(os.getpid()) == pytest.approx(rss_mb(), abs=5)
    with pytest.raises(OSError, match="4194305"):
        memory_bytes(4_194_305)  # Linux has no pid above 4,194,304


def test_what_the_system_says_of_memory() -> None:
    assert oom_kills() >= 0
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    assert 0 < memory_limit_mb() <= machine
