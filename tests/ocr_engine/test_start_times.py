"""How long workers took to start, as /metrics shows it."""

from __future__ import annotations

import pytest

from ocr_engine.engine import START_BOUNDS, StartTimes


def test_nothing_has_started() -> None:
    assert sum(StartTimes().counts) == StartTimes().seconds == 0


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, 0), (0.25, 0), (0.26, 1), (120.0, len(START_BOUNDS) - 1), (120.1, len(START_BOUNDS))],
)
def test_a_start_counts_at_the_first_bound_that_it_does_not_exceed(
    seconds: float, bound: int
) -> None:
    times = StartTimes().plus(seconds)
    assert (times.counts[bound], sum(times.counts), times.seconds) == (1, 1, seconds)


def test_starts_add_up() -> None:
    times = StartTimes().plus(1.0).plus(2.0).plus(2.5)
    assert (times.counts[2], times.counts[3], times.seconds) == (1, 2, 5.5)
