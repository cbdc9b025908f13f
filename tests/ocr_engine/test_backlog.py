"""The backlog: users take turns in proportion to their weights."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable

import pytest

from ocr_engine.engine import Turn
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.admission import MAX_COST, MIN_COST
from ocr_engine.pool.backlog import FOREGROUND_SHARE, Backlog
from ocr_engine.pool.fair_queue import MIN_WEIGHT, FairQueue
from ocr_engine.pool.task import PoolTask

OPTIONS = RecognitionOptions()
A, B, C = Turn("A"), Turn("B"), Turn("C", weight=2)
JOB = Turn("A", background=True)
_ids = itertools.count(1)


def made(pairs: Iterable[tuple[Turn, float]]) -> list[PoolTask]:
    """A task for each turn and cost."""

    async def make() -> list[PoolTask]:
        found = []
        for turn, cost in pairs:
            found.append(PoolTask(next(_ids), b"", OPTIONS, 1, turn=turn))
            found[-1].cost = cost
        return found

    return asyncio.run(make())


def tasks(turn: Turn, *costs: float) -> list[PoolTask]:
    """One task of each cost."""
    return made((turn, cost) for cost in costs)


def one(turn: Turn, cost: float = 1.0) -> PoolTask:
    """One task."""
    return tasks(turn, cost)[0]


def equal(turn: Turn, count: int) -> list[PoolTask]:
    """So many tasks of cost 1."""
    return tasks(turn, *[1.0] * count)


def filled(*groups: list[PoolTask]) -> Backlog[PoolTask]:
    """A backlog with these tasks, pushed in this order."""
    backlog: Backlog[PoolTask] = Backlog()
    for task in itertools.chain(*groups):
        backlog.push(task)
    return backlog


def taken(backlog: Backlog[PoolTask], count: int) -> str:
    """The users of the next tasks; background tasks in lower case."""
    popped = [backlog.pop().turn for _ in range(count)]
    return "".join(turn.user.lower() if turn.background else turn.user for turn in popped)


def test_one_user_is_served_in_order_of_arrival() -> None:
    rng = random.Random(1)
    waiting = tasks(A, *[rng.uniform(MIN_COST, MAX_COST) for _ in range(5000)])
    backlog = filled(waiting)
    assert [backlog.position(task) for task in waiting[:50]] == list(range(1, 51))
    assert [backlog.pop() for _ in waiting] == waiting
    assert (len(backlog), backlog.users()) == (0, 0)
    with pytest.raises(IndexError):
        backlog.pop()


def test_a_flood_lets_others_take_turns() -> None:
    backlog = filled(equal(A, 1000))
    assert taken(backlog, 3) == "AAA"
    for task in equal(B, 3):
        backlog.push(task)
    assert taken(backlog, 8) == "ABABABAA"


def test_a_user_that_sends_one_image_after_the_other_gets_its_share_and_no_more() -> None:
    """B always has one image waiting, as a client that waits for each answer."""
    backlog = filled(equal(A, 500), equal(C, 1000))
    served: Counter[str] = Counter()
    backlog.push(one(B))
    for _ in range(400):
        user = backlog.pop().turn.user
        served[user] += 1
        if user == "B":
            backlog.push(one(B))
    assert served == {"A": 100, "B": 100, "C": 200}


def test_a_large_image_does_not_wait_for_its_price_but_pays_it() -> None:
    backlog = filled(equal(A, 20), tasks(B, 8.0), equal(B, 1))
    assert taken(backlog, 12) == "ABAAAAAAABAA"


def test_who_leaves_the_queue_still_pays() -> None:
    backlog = filled(equal(A, 40))
    order = ""
    for _ in range(4):
        backlog.push(one(B, 8.0))
        order += taken(backlog, 9)
    assert order.count("B") == 4
    assert all(len(run) >= 7 for run in order.split("B")[1:-1])


def test_within_a_user_the_priority_decides_and_other_users_do_not_notice() -> None:
    low, high = equal(A, 2), equal(Turn("A", priority=5), 2)
    backlog = filled(low, equal(B, 4), high)
    order = [backlog.pop() for _ in range(8)]
    assert [task for task in order if task.turn.user == "A"] == [*high, *low]
    assert "".join(task.turn.user for task in order) == "ABABABAB"


def test_a_retried_task_is_ahead_of_all() -> None:
    first, second = equal(JOB, 2)
    backlog = filled(equal(A, 3), equal(Turn("B", priority=9), 3))
    backlog.push(first, first=True)
    backlog.push(second, first=True)
    assert [backlog.position(task) for task in (second, first)] == [1, 2]
    assert [backlog.pop(), backlog.pop()] == [second, first]


def test_what_somebody_waits_for_is_preferred_to_jobs_four_to_one() -> None:
    backlog = filled(equal(JOB, 30), equal(A, 30))
    assert FOREGROUND_SHARE == 4
    assert taken(backlog, 15) == "AAAAaAAAAaAAAAa"
    assert taken(backlog, 45) == "AAAAaAAAAaAAAAaAAAAaAA" + "a" * 23


def test_jobs_of_all_sizes_get_a_fifth_of_the_time() -> None:
    rng = random.Random(2)
    sizes = [rng.uniform(MIN_COST, MAX_COST) for _ in range(4000)]
    backlog = filled(tasks(JOB, *sizes), tasks(B, *sizes))
    spent = {False: 0.0, True: 0.0}
    for _ in range(3000):
        task = backlog.pop()
        spent[task.turn.background] += task.cost
        ideal = FOREGROUND_SHARE * spent[True]
        assert abs(spent[False] - ideal) <= FOREGROUND_SHARE * (MAX_COST + 1)


@pytest.mark.parametrize("seed", range(5))
def test_all_get_what_an_ideal_schedule_gives_them(seed: int) -> None:
    """Compared with a fluid schedule, which serves all users concurrently, by weight.

    Within a round, each user may be ahead by one image, which moves the schedule of all.
    """
    rng = random.Random(seed)
    weights = {f"user {n}": rng.choice((0.25, 0.5, 1, 1, 2, 4)) for n in range(20)}
    backlog: Backlog[PoolTask] = Backlog()
    left = {}
    for user, weight in weights.items():
        costs = [rng.uniform(MIN_COST, MAX_COST) for _ in range(400)]
        left[user] = len(costs)
        for task in tasks(Turn(user, weight), *costs):
            backlog.push(task)
    total = sum(weights.values())
    slack = 1 + len(weights) * MAX_COST / total  # rounds
    spent = dict.fromkeys(weights, 0.0)
    while all(left.values()):
        task = backlog.pop()
        left[task.turn.user] -= 1
        spent[task.turn.user] += task.cost
        rounds = sum(spent.values()) / total
        for user, weight in weights.items():
            assert abs(spent[user] - rounds * weight) <= MAX_COST + slack * weight
    assert rounds > 20 * slack


def test_users_come_and_go_at_random_and_nothing_is_lost() -> None:
    rng = random.Random(3)
    backlog: Backlog[PoolTask] = Backlog()
    model: dict[int, PoolTask] = {}
    for step in range(6000):
        if rng.random() < 0.5 or not model:
            turn = Turn(f"{rng.randrange(300)}", rng.choice((0.0, 0.1, 1, 3)), rng.randrange(3))
            task = one(turn, rng.uniform(MIN_COST, MAX_COST)) if step % 50 else one(JOB)
            backlog.push(task, first=step % 97 == 0)
            model[task.task_id] = task
        elif rng.random() < 0.3:
            task = model.pop(rng.choice(list(model)))
            assert backlog.remove(task)
            assert not backlog.remove(task)
        else:
            task = backlog.pop()
            assert model.pop(task.task_id) is task
        assert len(backlog) == len(model)
    assert set(backlog) == set(model.values())
    assert backlog.users() == len({task.turn.user for task in model.values()})
    while model:
        del model[backlog.pop().task_id]
    assert (len(backlog), backlog.users()) == (0, 0)


def test_without_tasks_no_user_is_remembered() -> None:
    queue: FairQueue[PoolTask] = FairQueue()
    for task in made((Turn(str(user)), 8.0) for user in range(1000)):
        queue.push(task)
    for _ in range(1000):
        queue.pop()
    assert (len(queue._users), len(queue._rounds), list(queue.users())) == (0, 0, [])


def test_users_that_have_paid_are_forgotten_while_others_wait() -> None:
    backlog = filled(equal(A, 3000))
    for user in range(1000):
        backlog.push(one(Turn(str(user)), 2.0))
        taken(backlog, 2)
    assert len(backlog._foreground._users) <= 4


@pytest.mark.parametrize("weight", [0.0, -1.0, MIN_WEIGHT])
def test_a_tiny_weight_is_served_sometimes(weight: float) -> None:
    backlog = filled(equal(A, 1000), equal(Turn("B", weight), 5))
    order = taken(backlog, 500)
    assert order.count("B") == math.ceil(500 * MIN_WEIGHT)


def test_a_task_that_is_taken_before_its_turn_counts_as_its_turn() -> None:
    ahead = equal(B, 6)
    backlog = filled(equal(A, 6), ahead, equal(Turn("J", background=True), 1))
    assert [backlog.pop_of("B") for _ in range(2)] == ahead[:2]
    assert backlog.pop_of("J") is None
    assert backlog.pop_of("nobody") is None
    assert taken(backlog, 4) == "AABA"
    assert len(backlog) == 7


def test_a_removed_task_costs_its_user_nothing() -> None:
    waiting = tasks(B, 8.0, 1.0, 1.0)
    backlog = filled(equal(A, 5), waiting)
    assert backlog.remove(waiting[0])
    assert backlog.position(waiting[0]) == 0
    assert taken(backlog, 5) == "ABABA"


def test_positions_among_many_users_are_off_by_one_image_of_each_at_most() -> None:
    rng = random.Random(4)
    users = [Turn(str(n), rng.choice((1, 2))) for n in range(10)]
    waiting = [task for turn in users for task in equal(turn, rng.randrange(1, 30))]
    rng.shuffle(waiting)
    backlog = filled(waiting)
    said = {task.task_id: backlog.position(task) for task in waiting}
    for place in range(1, len(waiting) + 1):
        estimate = said[backlog.pop().task_id]
        assert place <= estimate <= place + sum(turn.weight for turn in users)


def test_positions_across_the_classes() -> None:
    jobs, single = equal(JOB, 3), equal(B, 10)
    backlog = filled(jobs, single)
    said = {task.task_id: backlog.position(task) for task in [*jobs, *single]}
    order = [backlog.pop().task_id for _ in range(13)]
    assert [said[task_id] for task_id in order] == list(range(1, 14))


def test_an_image_moves_to_the_better_of_two_places() -> None:
    flood, own = equal(A, 50), equal(B, 3)
    backlog = filled(flood, own)
    last = flood[-1]
    backlog.advance(last, B)
    assert last.turn is B
    assert [backlog.pop() for _ in range(8)][7] is last
    kept = flood[4]
    backlog.advance(kept, Turn("A", background=True))
    assert kept.turn is A
    job = one(JOB)
    backlog.push(job)
    backlog.advance(job, C)
    assert backlog.pop().turn is A
    assert backlog.pop() is job


def test_an_image_that_does_not_wait_stays_where_it_is() -> None:
    retried, running = equal(A, 2)
    backlog = filled(equal(A, 2))
    backlog.push(retried, first=True)
    backlog.advance(retried, B)
    backlog.advance(running, B)
    assert (retried.turn, running.turn, len(backlog)) == (A, A, 3)


def test_what_a_new_image_finds() -> None:
    backlog = filled(equal(A, 30), equal(JOB, 10))
    assert (backlog.waiting(A).total, backlog.waiting(A).own) == (40, 40)
    found = backlog.waiting(B)
    assert (found.total, found.own) == (40, 0)
    assert found.ahead == pytest.approx(1.5)  # half of four fifths
    assert backlog.waiting(Turn("B", background=True)).ahead == pytest.approx(9)
    assert backlog.waiting(A).ahead == pytest.approx(31 / 0.8 - 1)
    assert backlog.waiting(Turn("A", 1.0, 0, True)).ahead == 40
    assert filled(equal(A, 30)).waiting(A).ahead == 30


def test_the_work_of_push_and_pop_does_not_grow_with_the_users() -> None:
    """Counted in steps through the slots, not in time."""
    steps: dict[int, int] = {}
    for users in (10, 10_000):
        queue: FairQueue[PoolTask] = FairQueue()
        arrivals = made((Turn(str(n)), 1.0) for n in range(users))
        first = queue._rounds.first
        count = itertools.count()

        def counted() -> object:
            next(count)  # noqa: B023
            return first()  # noqa: B023

        queue._rounds.first = counted  # type: ignore[method-assign,assignment]
        for task in arrivals:
            queue.push(task)
        for _ in range(5):
            task = queue.pop()
            queue.push(task)
        steps[users] = next(count)
    assert steps[10] == steps[10_000]
