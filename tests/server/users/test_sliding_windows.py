"""Requests per minute, with a clock that the tests turn."""

from __future__ import annotations

import tracemalloc

from server.users.sliding_windows import MAX_KEPT, RequestRates
from server.users.standing import Standing


class Clock:
    """Unix time; at the beginning of a window."""

    def __init__(self) -> None:
        self.now = 600_000.0

    def __call__(self) -> float:
        return self.now


def accepted(rates: RequestRates, per_minute: int, number: int) -> int:
    return sum(rates.hit(per_minute, "here") for _ in range(number))


def test_the_limit_is_per_minute_and_a_refused_request_does_not_count() -> None:
    clock = Clock()
    rates = RequestRates(clock)
    assert accepted(rates, 10, 30) == 10
    clock.now += 60  # the 10 of the last window still weigh 10
    assert accepted(rates, 10, 30) == 0
    clock.now += 30
    assert accepted(rates, 10, 30) == 5
    clock.now += 120
    assert accepted(rates, 10, 30) == 10


def test_addresses_have_limits_of_their_own() -> None:
    rates = RequestRates(Clock())
    assert rates.hit(1, "a") and rates.hit(1, "b")
    assert not rates.hit(1, "a")


def test_waiting_as_long_as_told_is_enough_and_not_much_too_long() -> None:
    for start in (0.0, 0.3, 17.5, 42.0, 59.9):
        for limit in (1, 2, 7, 100):
            clock = Clock()
            clock.now += start
            rates = RequestRates(clock)
            for _ in range(limit):  # some now, the rest in the next window
                assert rates.hit(limit, "here")
                clock.now += 13 / limit
            for _ in range(20):
                while rates.hit(limit, "here"):
                    pass
                standing = rates.standing("rate", limit, "here")
                assert standing.left == 0 and standing.resets_in is not None
                clock.now += standing.resets_in - 1.001
                if standing.resets_in > 1:
                    assert not rates.hit(limit, "here"), (start, limit, standing)
                clock.now += 1.001
                assert rates.hit(limit, "here"), (start, limit, standing)


def test_what_is_left_is_told() -> None:
    rates = RequestRates(Clock())
    assert rates.standing("rate", 10, "here") == Standing("rate", 10, 10, 60, 0)
    accepted(rates, 10, 4)
    assert rates.standing("rate", 10, "here").left == 6


def test_a_request_can_be_taken_back() -> None:
    rates = RequestRates(Clock())
    assert rates.hit(1, "here")
    rates.take_back(1, "here")
    assert rates.hit(1, "here")


def test_a_million_addresses_take_bounded_memory() -> None:
    rates = RequestRates(Clock(), most=1000)
    for number in range(20_000):
        rates.hit(10, str(number))
    assert len(rates) == 1000
    assert rates.standing("rate", 10, "19999").left == 9
    assert rates.standing("rate", 10, "0").left == 10


def test_a_flood_of_addresses_does_not_forget_who_keeps_asking() -> None:
    rates = RequestRates(Clock(), most=100)
    for number in range(1000):
        rates.hit(10, str(number))
        if number % 50 == 0:
            rates.hit(10, "here")
    assert not rates.hit(10, "here")


def test_a_full_table_is_small() -> None:
    rates = RequestRates(Clock())
    rates.hit(10, "203.0.113.9")
    tracemalloc.start()
    for number in range(MAX_KEPT // 10):
        rates.hit(10, f"203.0.{number}")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used * 10 < 25_000_000
