"""Admission control: the estimated wait, and which tasks are refused."""

from __future__ import annotations

import pytest

from ocr_engine.errors import QueueFull
from ocr_engine.pool.admission import (
    MAX_RETRY_AFTER_SECONDS,
    MAX_SAMPLES,
    MIN_SAMPLES,
    Admission,
    Waiting,
)


def experienced(seconds: float, queue_size: int = 100, queue_seconds: float = 60) -> Admission:
    """Admission control that has seen MIN_SAMPLES recognitions of so many seconds."""
    admission = Admission(queue_size, queue_seconds)
    for _ in range(MIN_SAMPLES):
        admission.record(seconds)
    return admission


def lone(waiting: int) -> Waiting:
    """What waits if there is only one user."""
    return Waiting(total=waiting, own=waiting, ahead=waiting)


def test_the_wait_is_the_work_ahead_divided_by_the_workers() -> None:
    admission = experienced(2.0)
    assert admission.expected_wait(0, 1) == 1.0
    assert admission.expected_wait(10, 1) == 21.0
    assert admission.expected_wait(10, 4) == 5.25
    assert admission.expected_wait(10, 0) == 21.0


def test_nothing_is_refused_for_time_while_too_little_is_known() -> None:
    admission = Admission(queue_size=100, queue_seconds=1)
    for _ in range(MIN_SAMPLES - 1):
        admission.record(1000)
    admission.check(lone(99), 1, patience=0.1)


def test_only_the_latest_recognitions_count() -> None:
    admission = experienced(1000.0)
    for _ in range(MAX_SAMPLES):
        admission.record(1.0)
    assert admission.expected_wait(0, 1) == 0.5


@pytest.mark.parametrize(
    ("ahead", "patience", "mention"),
    [
        (100, None, "100 images are waiting, which is the limit"),
        (54, None, "expected wait of about 54 s is too long for the limit of 60 s"),
        (5, 5.0, "expected wait of about 6 s is too long for the limit of 5 s"),
        (60, 3600.0, "too long for the limit of 60 s"),
    ],
)
def test_what_is_refused(ahead: int, patience: float | None, mention: str) -> None:
    with pytest.raises(QueueFull) as refused:
        experienced(1.0).check(lone(ahead), 1, patience)
    assert mention in refused.value.message
    assert refused.value.retry_after == -(-(ahead + 0.5) // 2)


@pytest.mark.parametrize(("ahead", "patience"), [(53, None), (3, 5.0), (0, 0.6)])
def test_what_is_taken(ahead: int, patience: float | None) -> None:
    experienced(1.0).check(lone(ahead), 1, patience)


@pytest.mark.parametrize(("wait", "pause"), [(0, 1), (2.1, 2), (3000, MAX_RETRY_AFTER_SECONDS)])
def test_when_to_come_back(wait: float, pause: int) -> None:
    assert Admission(1, 1).retry_after(wait) == pause
