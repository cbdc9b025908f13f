"""The worker pool with real processes and faulty recognizers."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import signal
import sys
import termios
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.engine import WorkerState
from ocr_engine.errors import (
    ImageKillsWorkers,
    ImageTooComplex,
    InvalidImage,
    PoolDraining,
    PoolStarting,
    QueueFull,
    QueueTimeout,
    RecognitionFailed,
    RecognitionTimeout,
    TooManyPixels,
    WorkerCrashed,
)
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool import deadlines, process
from ocr_engine.pool.admission import MAX_SAMPLES, MIN_SAMPLES
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.pool.task import PoolTask
from ocr_engine.result import Recognition
from ocr_engine.worker.messages import Done
from ocr_engine.worker.spec import IDLE_TRIM_SECONDS, WorkerSpec
from tests.support.cards import card
from tests.support.fake_recognizers import FILLED_MB, load_echo, load_obedient, load_on_command
from tests.support.garbage import GARBAGE
from tests.support.made_pages import image_document
from tests.support.pools import one_set, read, whole
from tests.support.watching import descriptors, is_alive, until, worker_processes

PATIENCE_SECONDS = 40.0

Scenario = Callable[[], Awaitable[None]]


def run(scenario: Scenario) -> None:
    """Run a scenario on a loop of its own, for a limited time."""
    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_SECONDS))


def running_pool(
    load: Callable[[], Any] = load_obedient, number: int = 1, **limits: Any
) -> AbstractAsyncContextManager[Pool]:
    """A pool with warm workers; afterwards no process and no unanswered image may be left."""
    return whole(
        PoolSpec(SupervisorSpec(number, WorkerSpec(one_set(load), max_pixels=1_000_000)), **limits)
    )


def submit(pool: Pool, text: str, read_before: bool = False) -> PoolTask:
    return pool.submit(card(text), RecognitionOptions(), read_before=read_before)


async def kill_whoever_begins(
    pool: Pool, journal: Path, text: str, number: signal.Signals, times: int
) -> None:
    """Kill each worker that begins to read the card, this many times."""
    for time in range(1, times + 1):
        await begun(journal, text, time)
        os.kill(pid_of(await running_worker(pool)), number)


async def running_worker(pool: Pool) -> WorkerProcess:
    """Wait for the worker that has the one running task."""
    await until(pool.running, "a running task")
    (busy,) = (w for w in pool.supervisor.workers() if w.state is WorkerState.BUSY)
    return busy


async def begun(journal: Path, text: str, times: int = 1) -> None:
    """Wait until workers have begun to read the card this many times."""
    line = f"begin {text}\n"
    await until(lambda: journal.exists() and journal.read_text().count(line) >= times, line)


def pid_of(worker: WorkerProcess) -> int:
    assert worker.pid is not None
    return worker.pid


def unread_bytes(worker: WorkerProcess) -> int:
    """How many bytes sent to the worker it has not read."""
    assert worker._channel is not None
    packed = fcntl.ioctl(worker._channel.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(packed, sys.byteorder)


def test_it_is_ready_only_when_a_worker_is_warm(gate: Path) -> None:
    async def scenario() -> None:
        pool = Pool(
            PoolSpec(
                SupervisorSpec(1, WorkerSpec(one_set(functools.partial(load_on_command, gate))))
            )
        )
        pool.start()
        await until(lambda: pool.supervisor.workers()[0].pid, "the process")
        assert not pool.ready()
        with pytest.raises(PoolStarting, match="loaded"):
            submit(pool, "too early")
        gate.unlink()
        await until(pool.ready, "a warm worker")
        assert await read(pool, "in time") == "in time"
        await pool.close()
        assert not pool.ready()

    run(scenario)


def test_the_warm_up_image_is_read_before_a_worker_is_ready(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_echo, journal)) as pool:
            pid = pool.supervisor.workers()[0].pid
            assert journal.read_text() == f"{pid} begin \n{pid} end \n"

    run(scenario)


def test_a_worker_has_one_task_at_a_time(tmp_path: Path, gate: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_obedient, journal), number=2) as pool:
            tasks = [submit(pool, f"hold {gate}") for _ in range(6)]
            await begun(journal, f"hold {gate}", 2)
            assert (pool.running(), pool.queued()) == (2, 4)
            assert [pool.position(task) for task in tasks] == [0, 0, 1, 2, 3, 4]
            gate.unlink()
            await asyncio.gather(*(task.future for task in tasks))

    run(scenario)
    events: dict[str, list[str]] = {}
    for line in journal.read_text().splitlines():
        pid, event, _ = line.split(" ", 2)
        events.setdefault(pid, []).append(event)
    assert len(events) == 2
    for of_one_worker in events.values():
        assert of_one_worker == ["begin", "end"] * (len(of_one_worker) // 2)
    assert sum(map(len, events.values())) == 2 * (6 + 2)


def test_an_image_goes_to_the_worker_that_had_the_last_one(tmp_path: Path) -> None:
    """Unless it may be in its idle trim: then to the worker that has been idle longest."""
    journal = tmp_path / "journal"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_obedient, journal), number=2) as pool:
            for number in range(5):
                await read(pool, f"busy {number}")
            await asyncio.sleep(IDLE_TRIM_SECONDS + 0.1)
            await read(pool, "idle")

    run(scenario)
    readers: dict[str, set[str]] = {}
    for line in journal.read_text().splitlines():
        pid, _, text = line.split(" ", 2)
        readers.setdefault(text.rstrip(" 0123456789"), set()).add(pid)
    assert len(readers["busy"]) == 1
    assert len(readers["idle"]) == 1
    assert readers["idle"] != readers["busy"]


def test_options_and_stages_travel_with_the_task() -> None:
    options = RecognitionOptions(det_limit_side_len=960, det_limit_type="max", drop_score=0.25)

    async def scenario() -> None:
        async with running_pool() as pool:
            recognition = await pool.submit(card("options"), options).future
            assert recognition.result.text == options.fingerprint()
            assert list(recognition.stages) == ["queue", "decode", "det", "cls", "rec"]
            assert all(seconds >= 0 for seconds in recognition.stages.values())

    run(scenario)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (card("broken")[:60], InvalidImage),
        (card("x" * 70_000), TooManyPixels),
        (card("fail"), RecognitionFailed),
    ],
    ids=["truncated", "too-large", "exception"],
)
def test_an_error_of_an_image_costs_no_worker(image: bytes, error: type[Exception]) -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            pid = pool.supervisor.workers()[0].pid
            task = pool.submit(image, RecognitionOptions())
            with pytest.raises(error) as caught:
                await task.future
            assert "/" not in str(caught.value)
            assert task.attempts == 1
            assert await read(pool, "next") == "next"
            assert pool.supervisor.workers()[0].pid == pid

    run(scenario)


def test_a_worker_that_ran_out_of_memory_is_replaced() -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            worker = pool.supervisor.workers()[0]
            task = submit(pool, "swell")
            after = submit(pool, "next")
            with pytest.raises(ImageTooComplex):
                await task.future
            assert (await after.future).result.text == "next"
            assert pool.supervisor.workers()[0] is not worker
            assert (task.attempts, after.attempts) == (1, 1)
            assert pool.supervisor.restarts == {"out_of_memory": 1}

    run(scenario)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=lambda n: n.name)
def test_an_image_whose_worker_is_killed_is_retried(
    tmp_path: Path, gate: Path, number: signal.Signals
) -> None:
    journal = tmp_path / "journal"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_obedient, journal), number=2) as pool:
            task = submit(pool, f"hold {gate}")
            await begun(journal, f"hold {gate}")
            os.kill(pid_of(await running_worker(pool)), number)
            await begun(journal, f"hold {gate}", 2)
            gate.unlink()
            assert (await task.future).result.text == f"hold {gate}"
            assert task.attempts == 2
            assert pool.supervisor.restarts == {number.name.lower(): 1}

    run(scenario)


def test_an_image_that_crashes_two_workers_is_given_up() -> None:
    async def scenario() -> None:
        async with running_pool(number=2) as pool:
            task, others = submit(pool, "crash"), [submit(pool, f"{n}") for n in range(4)]
            with pytest.raises(ImageKillsWorkers, match="2 workers crashed"):
                await task.future
            assert (task.attempts, task.deaths) == (2, 2)
            texts = [(await other.future).result.text for other in others]
            assert texts == ["0", "1", "2", "3"]

    run(scenario)


def test_workers_that_are_killed_from_outside_do_not_count(tmp_path: Path, gate: Path) -> None:
    journal, text = tmp_path / "journal", f"hold {gate}"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_obedient, journal)) as pool:
            task = submit(pool, text)
            await kill_whoever_begins(pool, journal, text, signal.SIGKILL, times=4)
            await begun(journal, text, 5)
            gate.unlink()
            assert (await task.future).result.text == text
            assert (task.attempts, task.deaths) == (5, 0)

    run(scenario)


def test_an_image_that_was_read_before_is_not_to_blame(tmp_path: Path, gate: Path) -> None:
    journal, text = tmp_path / "journal", f"hold {gate}"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_obedient, journal)) as pool:
            task = submit(pool, text, read_before=True)
            await kill_whoever_begins(pool, journal, text, signal.SIGSEGV, times=3)
            await begun(journal, text, 4)
            gate.unlink()
            assert (await task.future).result.text == text
            assert (task.attempts, task.deaths) == (4, 3)

    run(scenario)


def test_an_image_whose_workers_are_always_killed_ends_at_its_deadline(
    tmp_path: Path, gate: Path
) -> None:
    journal, text = tmp_path / "journal", f"hold {gate}"

    async def scenario() -> None:
        load = functools.partial(load_obedient, journal)
        async with running_pool(load, queue_seconds=0.5, task_seconds=1) as pool:
            task = submit(pool, text)
            while not task.future.done():
                await until(lambda: pool.running() or task.future.done(), "another try or the end")
                for worker in pool.supervisor.workers():
                    if worker.state is WorkerState.BUSY:
                        with contextlib.suppress(ProcessLookupError):  # its death is not seen yet
                            os.kill(pid_of(worker), signal.SIGKILL)
                await asyncio.sleep(0.01)
            with pytest.raises(WorkerCrashed, match="were lost before") as caught:
                await task.future
            assert type(caught.value) is WorkerCrashed
            assert task.deaths == 0

    run(scenario)


def test_a_kill_near_the_memory_limit_counts_against_the_image(tmp_path: Path, gate: Path) -> None:
    """Such as a kill by a userspace OOM killer, before the kernel has to act."""
    journal, text = tmp_path / "journal", f"fill {gate}"
    spec = WorkerSpec(
        one_set(functools.partial(load_obedient, journal)), task_memory_mb=FILLED_MB + 50
    )

    async def scenario() -> None:
        async with whole(PoolSpec(SupervisorSpec(1, spec))) as pool:
            task = submit(pool, text)
            for time in (1, 2):
                await begun(journal, text, time)
                worker = await running_worker(pool)
                await until(lambda: worker.life.rss_mb >= FILLED_MB, "its memory to be noted")  # noqa: B023
                os.kill(pid_of(worker), signal.SIGKILL)
            with pytest.raises(ImageKillsWorkers):
                await task.future

    run(scenario)


def test_idle_workers_that_are_killed_cost_no_image() -> None:
    async def scenario() -> None:
        async with running_pool(number=2) as pool:
            for round_number in range(20):
                await until(pool.supervisor.idle_worker, "an idle worker")
                victim = pool.supervisor.idle_worker()
                assert victim is not None
                os.kill(pid_of(victim), signal.SIGKILL)
                assert await read(pool, f"round {round_number}") == f"round {round_number}"
                await until(lambda: victim not in pool.supervisor.workers(), "its death")  # noqa: B023
            await until(lambda: sum(pool.supervisor.restarts.values()) == 20, "20 restarts")

    run(scenario)


def test_the_signal_that_ended_a_worker_is_counted_also_with_its_task_unread() -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            worker = pool.supervisor.workers()[0]
            os.kill(pid_of(worker), signal.SIGSTOP)
            task = submit(pool, "unread")
            await until(lambda: unread_bytes(worker), "the task on its way")
            os.kill(pid_of(worker), signal.SIGKILL)
            assert (await task.future).result.text == "unread"
            assert (task.attempts, task.dispatches) == (1, 2)
            assert pool.supervisor.restarts == {"sigkill": 1}

    run(scenario)


@pytest.mark.parametrize("order", ["spin", "freeze"])
def test_a_worker_that_hangs_is_replaced_at_the_deadline(tmp_path: Path, order: str) -> None:
    journal = tmp_path / "journal"

    async def scenario() -> None:
        load = functools.partial(load_obedient, journal)
        async with running_pool(load, task_seconds=0.3) as pool:
            old = pool.supervisor.workers()[0].pid
            assert old is not None
            task, waiting = submit(pool, order), submit(pool, "next")
            started = asyncio.get_running_loop().time()
            with pytest.raises(RecognitionTimeout, match=r"0\.3 s"):
                await task.future
            assert 0.25 < asyncio.get_running_loop().time() - started < 0.8
            assert (await waiting.future).result.text == "next"
            await until(lambda: not is_alive(old), "the end of the worker that hangs")
            assert (task.attempts, waiting.attempts) == (1, 1)
            assert pool.supervisor.restarts == {"deadline": 1}

    run(scenario)
    assert journal.read_text().count(f"begin {order}\n") == 1


def test_a_worker_that_stops_at_the_deadline_reads_on() -> None:
    async def scenario() -> None:
        async with running_pool(task_seconds=0.3) as pool:
            (worker,) = pool.supervisor.workers()
            started = asyncio.get_running_loop().time()
            with pytest.raises(RecognitionTimeout, match=r"0\.3 s"):
                await submit(pool, "toil").future
            assert asyncio.get_running_loop().time() - started > 0.25
            assert await read(pool, "next") == "next"
            assert pool.supervisor.workers() == (worker,)
            assert pool.supervisor.restarts == {}

    run(scenario)


def test_an_answer_after_the_deadline_is_too_late_but_its_worker_reads_on(
    gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "STOP_SECONDS", PATIENCE_SECONDS)

    async def scenario() -> None:
        async with running_pool(task_seconds=0.3) as pool:
            late = submit(pool, f"hold {gate}")
            with pytest.raises(RecognitionTimeout):
                await late.future
            waiting = submit(pool, "next")
            assert (pool.running(), pool.queued()) == (1, 1)
            gate.unlink()
            assert (await waiting.future).result.text == "next"
            assert pool.supervisor.restarts == {}

    run(scenario)


def test_an_image_is_not_retried_if_its_worker_dies_after_the_deadline(
    gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "STOP_SECONDS", PATIENCE_SECONDS)

    async def scenario() -> None:
        async with running_pool(task_seconds=0.3) as pool:
            (worker,) = pool.supervisor.workers()
            late = submit(pool, f"hold {gate}")
            with pytest.raises(RecognitionTimeout):
                await late.future
            os.kill(pid_of(worker), signal.SIGKILL)
            assert await read(pool, "next") == "next"
            assert (late.dispatches, pool.supervisor.restarts) == (1, {"sigkill": 1})

    run(scenario)


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_worker_that_sends_garbage_is_replaced(
    kind: str, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LEAVE_SECONDS", 0.1)

    async def scenario() -> None:
        async with running_pool(task_seconds=3) as pool:
            old = pool.supervisor.workers()[0].pid
            task = submit(pool, f"{kind} {gate}")
            assert (await task.future).result.text == f"{kind} {gate}"
            assert task.attempts == 2
            assert pool.supervisor.workers()[0].pid != old

    run(scenario)


def test_a_worker_killed_in_the_middle_of_its_answer_is_replaced(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            task = submit(pool, f"tear {gate}")
            assert (await task.future).result.text == f"tear {gate}"
            assert task.attempts == 2

    run(scenario)


def test_a_full_backlog_takes_no_more(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool(queue_size=1) as pool:
            first = submit(pool, f"hold {gate}")
            second = submit(pool, "second")
            with pytest.raises(QueueFull, match="1 images are waiting"):
                submit(pool, "third")
            gate.unlink()
            await asyncio.gather(first.future, second.future)
            assert await read(pool, "third") == "third"

    run(scenario)


def test_an_image_that_would_wait_too_long_is_refused_at_once(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool(queue_seconds=30, queue_size=1000) as pool:
            for number in range(MIN_SAMPLES):
                assert await read(pool, f"quick {number}") == f"quick {number}"
            pool.admission.record(50.0)
            assert pool.expected_wait() == 0
            holding = submit(pool, f"hold {gate}")
            await running_worker(pool)
            each = pool.expected_wait() * 2
            assert 50 / MAX_SAMPLES < each <= 51 / MIN_SAMPLES
            waiting = [submit(pool, f"{n}") for n in range(int(25 / each))]
            with pytest.raises(QueueFull, match="limit of 30 s") as refused:
                waiting.extend(submit(pool, "one more") for _ in range(1000))
            assert 12 <= (refused.value.retry_after or 0) <= 20
            with pytest.raises(QueueFull, match="limit of 2 s"):
                pool.submit(card("hasty"), RecognitionOptions(), patience=2)
            gate.unlink()
            await asyncio.gather(holding.future, *(task.future for task in waiting))

    run(scenario)


def test_a_backlog_of_size_zero_uses_idle_workers(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool(queue_size=0) as pool:
            first = submit(pool, f"hold {gate}")
            with pytest.raises(QueueFull):
                submit(pool, "second")
            gate.unlink()
            await first.future

    run(scenario)


def test_an_image_that_waits_too_long_never_reaches_a_worker(tmp_path: Path, gate: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario() -> None:
        load = functools.partial(load_obedient, journal)
        async with running_pool(load, queue_seconds=0.2) as pool:
            first, late = submit(pool, f"hold {gate}"), submit(pool, "late")
            with pytest.raises(QueueTimeout, match=r"0\.2 s"):
                await late.future
            assert (pool.queued(), late.attempts) == (0, 0)
            gate.unlink()
            await first.future
            assert await read(pool, "after") == "after"

    run(scenario)
    assert "begin late\n" not in journal.read_text()


def test_a_cancelled_image_that_waits_never_reaches_a_worker(tmp_path: Path, gate: Path) -> None:
    journal = tmp_path / "journal"

    async def scenario() -> None:
        async with running_pool(functools.partial(load_obedient, journal)) as pool:
            first, unwanted = submit(pool, f"hold {gate}"), submit(pool, "unwanted")
            pool.cancel(unwanted)
            with pytest.raises(PoolDraining, match="cancelled"):
                await unwanted.future
            gate.unlink()
            await first.future
            assert await read(pool, "after") == "after"

    run(scenario)
    assert "begin unwanted\n" not in journal.read_text()


def test_cancelling_lets_running_work_finish_unless_told_to_stop_it(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            kept = submit(pool, f"hold {gate}")
            pid = pid_of(await running_worker(pool))
            pool.cancel(kept)
            gate.unlink()
            assert (await kept.future).result.text == f"hold {gate}"
            assert pool.supervisor.workers()[0].pid == pid

            stopped = submit(pool, "spin")
            await until(lambda: lasts_longer_than_a_start(pool, stopped), "enough time")
            assert pool.cancel(stopped, stop_running=True)
            with pytest.raises(PoolDraining, match="cancelled"):
                await stopped.future
            assert await read(pool, "next") == "next"
            assert pool.supervisor.restarts == {"cancelled": 1}

    run(scenario)


def lasts_longer_than_a_start(pool: Pool, task: PoolTask) -> bool:
    """Whether the task has run for longer than its worker's start took."""
    (worker,) = pool.supervisor.workers()
    lasted = asyncio.get_running_loop().time() - task.started_at
    return worker.state is WorkerState.BUSY and lasted > (worker.life.start_seconds or 0)


def test_cancelling_does_not_kill_a_worker_for_a_task_that_has_just_begun(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            task = submit(pool, f"hold {gate}")
            await running_worker(pool)
            assert not pool.cancel(task, stop_running=True)
            gate.unlink()
            assert (await task.future).result.text == f"hold {gate}"
            assert pool.supervisor.restarts == {}

    run(scenario)


def test_cancelling_kills_each_worker_at_most_once_in_a_while() -> None:
    async def scenario() -> None:
        async with running_pool(task_seconds=3) as pool:
            first = submit(pool, "spin")
            await until(lambda: lasts_longer_than_a_start(pool, first), "enough time")
            assert pool.cancel(first, stop_running=True)
            second = submit(pool, "spin")
            await until(lambda: lasts_longer_than_a_start(pool, second), "enough time")
            assert not pool.cancel(second, stop_running=True)
            with pytest.raises(RecognitionTimeout):
                await second.future
            await until(lambda: len(pool.supervisor.restarts) == 2, "the second end")
            assert pool.supervisor.restarts == {"cancelled": 1, "deadline": 1}

    run(scenario)


def test_a_worker_that_is_being_killed_gets_no_new_task() -> None:
    """Its last answer may be in transit when it is killed; the next image must not suffer."""

    async def scenario() -> None:
        async with running_pool() as pool:
            unwanted, waiting = submit(pool, "spin"), submit(pool, "waiting")
            worker = await running_worker(pool)
            await until(lambda: lasts_longer_than_a_start(pool, unwanted), "enough time")
            assert pool.cancel(unwanted, stop_running=True)
            late = Done(unwanted.task_id, Recognition(image_document(1, 1, ())), 50)
            pool.supervisor.on_reply(worker, late)
            assert (await waiting.future).result.text == "waiting"
            assert waiting.attempts == 1

    run(scenario)


def test_drain_finishes_what_was_accepted_and_takes_no_more(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            tasks = [submit(pool, f"hold {gate}"), submit(pool, "second")]
            draining = asyncio.ensure_future(pool.drain(grace_seconds=10))
            await until(lambda: not pool.ready(), "the drain")
            with pytest.raises(PoolDraining, match="stopping"):
                submit(pool, "third")
            assert not draining.done()
            gate.unlink()
            await draining
            assert all(task.future.done() for task in tasks)
            assert (await tasks[1].future).result.text == "second"

    run(scenario)


def test_drain_is_over_when_the_grace_is(gate: Path) -> None:
    async def scenario() -> None:
        async with running_pool() as pool:
            task = submit(pool, f"hold {gate}")
            await pool.drain(grace_seconds=0.1)
            assert not task.future.done()
            gate.unlink()
            await task.future

    run(scenario)


def test_close_leaves_no_process_and_no_descriptor() -> None:
    async def scenario() -> None:
        async with running_pool():
            pass  # multiprocessing's resource tracker is started once and stays
        held, before = descriptors(), worker_processes()
        pool = Pool(PoolSpec(SupervisorSpec(2, WorkerSpec(one_set(load_obedient)))))
        pool.start()
        await until(lambda: pool.supervisor.warm() == 2, "all workers warm")
        tasks = [submit(pool, text) for text in ("spin", "freeze", "crash", "waiting")]
        await until(lambda: pool.running() == 2, "two running tasks")
        os.kill(pid_of(pool.supervisor.workers()[0]), signal.SIGKILL)
        await asyncio.wait_for(pool.close(), 5)
        for task in tasks:
            with pytest.raises(PoolDraining):
                await task.future
        assert worker_processes() == before
        assert pool.supervisor.workers() == ()
        await until(lambda: descriptors() <= held, f"no more than {held} descriptors")

    run(scenario)


def test_an_idle_worker_that_is_frozen_does_not_stop_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "LEAVE_SECONDS", 0.3)

    async def scenario() -> None:
        async with running_pool() as pool:
            os.kill(pid_of(pool.supervisor.workers()[0]), signal.SIGSTOP)

    run(scenario)
