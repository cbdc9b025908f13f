"""The filter that keeps clients from filling the log."""

from __future__ import annotations

import logging

from server.operations.seldom import Seldom


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("tornado.general", level, "", 0, "odd bytes from %s", ("x",), None)


def test_one_record_in_a_second_passes_and_counts_the_others() -> None:
    clock = Clock()
    seldom = Seldom(1.0, clock)
    first, second, third, fourth = record(), record(), record(), record()
    assert seldom.filter(first)
    assert not seldom.filter(second)
    clock.now += 0.9
    assert not seldom.filter(third)
    clock.now += 0.2
    assert seldom.filter(fourth)
    assert first.getMessage() == "odd bytes from x"
    assert fourth.getMessage() == "odd bytes from x (and 2 more before)"
    clock.now += 1.1
    last = record()
    assert seldom.filter(last)
    assert last.getMessage() == "odd bytes from x"


def test_warnings_always_pass() -> None:
    seldom = Seldom(1.0, Clock())
    assert all(seldom.filter(record(logging.WARNING)) for _ in range(5))
