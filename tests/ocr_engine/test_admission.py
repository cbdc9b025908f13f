"""Admission control: the estimated wait, and which tasks are refused."""

from __future__ import annotations

import pytest

from ocr_engine.engine import ANONYMOUS_USER
from ocr_engine.errors import QueueFull
from ocr_engine.pool.admission import (
    MAX_COST,
    MAX_RETRY_AFTER_SECONDS,
    MAX_SAMPLES,
    MIN_COST,
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


def flooded(
    user_share: float, queue_size: int, users: dict[str, int], names: bool = True
) -> dict[str, int]:
    """How many tasks each user has after all have offered theirs in this order."""
    admission = Admission(queue_size, 60, user_share)
    if names:
        admission.meet("somebody")
    taken = dict.fromkeys(users, 0)
    for user, offered in users.items():
        for _ in range(offered):
            total = sum(taken.values())
            try:
                admission.check(Waiting(total, taken[user], total), 1, None)
            except QueueFull:
                continue
            taken[user] += 1
    return taken


@pytest.mark.parametrize(
    ("share", "size", "users", "taken"),
    [
        (0.5, 1000, {"A": 5000}, {"A": 500}),
        (0.5, 1000, {"A": 5000, "B": 5000}, {"A": 500, "B": 250}),
        (0.5, 100, {"A": 99, "B": 99, "C": 99}, {"A": 50, "B": 25, "C": 13}),
        (0.2, 100, {"A": 99, "B": 99}, {"A": 20, "B": 16}),
        (0.9, 100, {"A": 99, "B": 9}, {"A": 90, "B": 1}),
        (1.0, 100, {"A": 200, "B": 1}, {"A": 100, "B": 0}),
        (0.5, 1, {"A": 2, "B": 1}, {"A": 1, "B": 0}),
        (0.5, 2, {"A": 2, "B": 1}, {"A": 1, "B": 1}),
        (0.5, 0, {"A": 1}, {"A": 0}),
    ],
)
def test_a_user_fills_its_part_and_leaves_room(
    share: float, size: int, users: dict[str, int], taken: dict[str, int]
) -> None:
    assert flooded(share, size, users) == taken


def test_many_floods_leave_room_for_others() -> None:
    """The first ones fill all but a tenth, of which each further user gets one place."""
    users = {str(n): 1000 for n in range(103)}
    taken = list(flooded(0.5, 1000, {**users, "late": 1, "too late": 1}).values())
    assert taken[:4] == [500, 250, 125, 25]
    assert taken[4:] == [1] * 100 + [0]


def test_without_names_all_of_the_queue_is_free() -> None:
    assert flooded(0.5, 100, {"": 200}, names=False) == {"": 100}


def test_requests_without_a_key_are_no_second_user() -> None:
    admission = Admission(10, 60, 0.5)
    admission.meet(ANONYMOUS_USER)
    admission.check(Waiting(9, 9, 9), 1, None)
    admission.meet("a key")
    with pytest.raises(QueueFull):
        admission.check(Waiting(9, 9, 9), 1, None)


def test_a_refusal_says_whose_queue_is_full() -> None:
    admission = Admission(100, 60, 0.5)
    admission.meet("A")
    with pytest.raises(QueueFull, match="50 of your images are waiting, and other users need"):
        admission.check(Waiting(50, 50, 50), 1, None)
    with pytest.raises(QueueFull, match="100 images are waiting, which is the limit"):
        admission.check(Waiting(100, 0, 3), 1, None)
    with pytest.raises(QueueFull, match="9 of your images and 21 of other users are waiting: the"):
        experienced(10.0).check(Waiting(30, 9, 20), 1, None)


def test_the_cost_is_the_size_compared_with_recent_ones() -> None:
    admission = Admission(10, 60)
    assert admission.cost(5_000_000) == 1.0
    for pixels in (1_000_000, 3_000_000, 0):
        admission.record(0.1, pixels)
    assert [admission.cost(n) for n in (0, 2_000_000, 3_000_000)] == [1.0, 1.0, 1.5]
    assert [admission.cost(n) for n in (1, 10**9)] == [MIN_COST, MAX_COST]
