"""A time limit that is set with every request: when it passes, and what it costs."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from server.http.deadline import Deadline


class TickedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock is set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    async def tick(self, now: float) -> None:
        """It is so late now, and what is due runs."""
        self.now = now
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def on_ticked_loop(scenario: Callable[[TickedLoop], Coroutine[Any, Any, None]]) -> None:
    loop = TickedLoop()
    try:
        loop.run_until_complete(scenario(loop))
    finally:
        loop.close()


def test_passes_once_when_its_time_is_over() -> None:
    async def scenario(loop: TickedLoop) -> None:
        passed: list[float] = []
        deadline = Deadline(lambda: passed.append(loop.now))
        deadline.set(10)
        await loop.tick(9.9)
        assert passed == []
        assert deadline.is_set
        await loop.tick(10)
        await loop.tick(30)
        assert passed == [10]
        assert not deadline.is_set

    on_ticked_loop(scenario)


def test_set_again_it_passes_at_the_new_time_only_sooner_or_later() -> None:
    async def scenario(loop: TickedLoop) -> None:
        passed: list[float] = []
        deadline = Deadline(lambda: passed.append(loop.now))
        deadline.set(10)
        await loop.tick(5)
        deadline.set(30)
        for now in (10, 34.9, 35):
            await loop.tick(now)
        assert passed == [35]
        deadline.set(30)
        deadline.set(10)
        for now in (44.9, 45, 65):
            await loop.tick(now)
        assert passed == [35, 45]

    on_ticked_loop(scenario)


def test_cleared_it_does_not_pass_until_it_is_set_again() -> None:
    async def scenario(loop: TickedLoop) -> None:
        passed: list[float] = []
        deadline = Deadline(lambda: passed.append(loop.now))
        deadline.set(10)
        deadline.clear()
        await loop.tick(10)
        deadline.set(10)
        deadline.clear()
        deadline.set(20)
        for now in (20, 29.9, 30):
            await loop.tick(now)
        assert passed == [30]

    on_ticked_loop(scenario)


class Owner:
    """Has a deadline, as a connection does."""

    def __init__(self) -> None:
        self.passed = 0
        self.deadline = Deadline(self.count)

    def count(self) -> None:
        self.passed += 1


def test_ended_it_does_not_keep_its_owner_in_the_loop() -> None:
    async def scenario(_: TickedLoop) -> None:
        owner = Owner()
        owner.deadline.set(10)
        owner.deadline.end()
        gone = weakref.ref(owner)
        del owner
        gc.collect()
        assert gone() is None

    on_ticked_loop(scenario)


def test_a_thousand_requests_within_its_time_make_one_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(loop: TickedLoop) -> None:
        timers = []

        def call_at(*args: Any) -> asyncio.TimerHandle:
            timers.append(asyncio.SelectorEventLoop.call_at(loop, *args))
            return timers[-1]

        monkeypatch.setattr(loop, "call_at", call_at)
        deadline = Deadline(lambda: None)
        for number in range(1000):
            loop.now = number / 1000
            deadline.set(10)
            deadline.clear()
            deadline.set(30)
            deadline.clear()
        assert len(timers) == 1
        deadline.end()

    on_ticked_loop(scenario)
