"""Which worker exits are self-inflicted, and the memory figures read from the system."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from ocr_engine.memory import memory_bytes, memory_limit_mb, oom_kills, rss_mb
from ocr_engine.pool.exits import ExitReason, worker_exit


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_a_crash_is_self_inflicted(number: signal.Signals) -> None:
    ended = worker_exit(-number, out_of_memory=False)
    assert (ended.label, ended.self_inflicted) == (number.name.lower(), True)
    assert ended.detail == f"killed by {number.name}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_from_outside_is_not(number: signal.Signals) -> None:
    ended = worker_exit(-number, out_of_memory=False)
    assert (ended.label, ended.self_inflicted) == (number.name.lower(), False)


def test_sigkill_is_when_memory_ran_out() -> None:
    assert worker_exit(-signal.SIGKILL, out_of_memory=True).self_inflicted
    assert not worker_exit(-signal.SIGTERM, out_of_memory=True).self_inflicted


def test_a_worker_that_left_and_a_signal_without_a_name() -> None:
    ends = [worker_exit(code, out_of_memory=False) for code in (0, 7, -40)]
    assert [each.label for each in ends] == ["left", "exit", "sig40"]
    assert [each.self_inflicted for each in ends] == [True, True, False]
    assert ends[1].detail == "exit status 7"


def test_every_reason_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    table = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE))
    never_counted = {ExitReason.SIGNAL, ExitReason.SHUTDOWN}
    assert set(ExitReason) - never_counted <= table


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
