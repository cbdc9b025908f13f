"""The worker's state machine: the allowed transitions, and that others are refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from ocr_engine.engine import WorkerState
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.life import TRANSITIONS, IllegalTransition, WorkerLife

RECYCLED = WorkerExit(ExitReason.RECYCLED, "read 2 images")
DAMAGED = WorkerExit(ExitReason.OUT_OF_MEMORY, "ran out of memory on an image")
LATE = WorkerExit(ExitReason.DEADLINE, "deadline passed")
SHUTDOWN = WorkerExit(ExitReason.SHUTDOWN, "shutdown")

STARTING = WorkerLife(started_at=10.0, task_limit=2)
SPARE = replace(STARTING, spare=True).became_ready(12.5, rss_mb=200)
READY = STARTING.became_ready(12.5, rss_mb=200)
BUSY = READY.assigned()
IN_EACH_STATE = {
    WorkerState.STARTING: STARTING,
    WorkerState.SPARE: SPARE,
    WorkerState.READY: READY,
    WorkerState.BUSY: BUSY,
    WorkerState.RETIRING: BUSY.retiring(),
    WorkerState.DEAD: BUSY.ended(),
}
TO_EACH_STATE: dict[WorkerState, Callable[[WorkerLife], WorkerLife]] = {
    WorkerState.SPARE: lambda life: replace(life, spare=True).became_ready(20.0, 200),
    WorkerState.READY: lambda life: (
        life.promoted(20.0) if life.state is WorkerState.SPARE else life.became_ready(20.0, 200)
    ),
    WorkerState.BUSY: WorkerLife.assigned,
    WorkerState.RETIRING: WorkerLife.retiring,
    WorkerState.DEAD: WorkerLife.ended,
}
NO_CHANGE = (WorkerState.RETIRING, WorkerState.RETIRING)


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(IN_EACH_STATE) == set(WorkerState)
    assert set().union(*TRANSITIONS.values()) == set(TO_EACH_STATE)


@pytest.mark.parametrize(
    ("before", "after"),
    [pair for pair in itertools.product(IN_EACH_STATE, TO_EACH_STATE) if pair != NO_CHANGE],
)
def test_only_what_the_table_has_is_possible(before: WorkerState, after: WorkerState) -> None:
    life, move = IN_EACH_STATE[before], TO_EACH_STATE[after]
    if after in TRANSITIONS[before]:
        assert move(life).state is after
    else:
        with pytest.raises(IllegalTransition):
            move(life)
    assert life.state is before


def test_a_worker_counts_its_answers_and_reaches_its_task_limit() -> None:
    once = BUSY.answered(13.0, rss_mb=250)
    assert (once.state, once.tasks_done, once.idle_since) == (WorkerState.READY, 1, 13.0)
    assert (once.rss_mb, once.start_seconds, once.reached_task_limit) == (250, 2.5, False)
    assert once.assigned().answered(14.0, 250).reached_task_limit
    assert not WorkerLife(0.0).became_ready(1.0, 1).assigned().answered(2.0, 1).reached_task_limit


def test_a_warm_spare_can_be_promoted() -> None:
    warm = SPARE.promoted(30.0)
    assert (warm.state, warm.spare, warm.idle_since) == (WorkerState.READY, False, 30.0)
    for other in (STARTING, replace(STARTING, spare=True), READY, BUSY):
        with pytest.raises(IllegalTransition, match="no warm spare"):
            other.promoted(30.0)


def test_a_worker_that_is_being_loaded_can_become_a_spare() -> None:
    assert STARTING.demoted().became_ready(12.5, 200) == SPARE
    for other in (READY, BUSY, SPARE):
        with pytest.raises(IllegalTransition, match="cannot become a spare"):
            other.demoted()


def test_the_last_answer_of_a_retiring_worker_does_not_make_it_ready() -> None:
    last = BUSY.retiring().answered(13.0, rss_mb=250)
    assert (last.state, last.tasks_done) == (WorkerState.RETIRING, 1)


@pytest.mark.parametrize("state", [WorkerState.STARTING, WorkerState.READY, WorkerState.DEAD])
def test_an_answer_without_a_task_is_illegal(state: WorkerState) -> None:
    with pytest.raises(IllegalTransition, match="no task to answer"):
        IN_EACH_STATE[state].answered(13.0, rss_mb=1)


def test_a_worker_that_is_to_be_recycled_works_on_but_does_not_last() -> None:
    recycled = READY.to_be_recycled(RECYCLED)
    assert recycled.assigned().state is WorkerState.BUSY
    assert not recycled.lasting
    assert READY.lasting and BUSY.lasting and STARTING.lasting
    assert not BUSY.retiring().lasting


@pytest.mark.parametrize("state", [WorkerState.STARTING, WorkerState.DEAD])
def test_a_worker_that_is_not_there_cannot_be_recycled(state: WorkerState) -> None:
    with pytest.raises(IllegalTransition, match="cannot be recycled"):
        IN_EACH_STATE[state].to_be_recycled(RECYCLED)


def test_the_first_reason_to_kill_a_worker_counts() -> None:
    killed = BUSY.killed(LATE).killed(SHUTDOWN)
    assert (killed.state, killed.killed_for) == (WorkerState.RETIRING, LATE)


def test_a_worker_that_does_not_leave_is_stuck_unless_it_ran_out_of_memory() -> None:
    assert READY.to_be_recycled(RECYCLED).stuck_exit().reason is ExitReason.STUCK
    assert BUSY.to_be_recycled(RECYCLED).to_be_recycled(DAMAGED).stuck_exit() is DAMAGED
