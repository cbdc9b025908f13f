"""Rows 1 to 5, 7 and 8: workers that crash, hang or grow."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.fake_recognizers import RECITAL
from tests.support.faulty_server import TASK_SECONDS, Serve, prepare
from tests.support.memory_cgroups import memory_cgroup
from tests.support.server_process import ServerProcess
from tests.support.watching import is_alive, rss_mb, wait_until

KILLED = "sigkill"
CRASHED = "sigsegv"
CGROUP_MB = 700


def restarts(server: ServerProcess, reason: str) -> int:
    """How many workers were lost for this reason."""
    return int(server.health()["restarts"].get(reason, 0))


def kill_whoever_begins(
    server: ServerProcess, text: str, number: signal.Signals, times: int, begun: int = 0
) -> None:
    """Kill each worker that begins the card, this many times; `before`: how often it was begun."""
    for attempt in range(begun + 1, begun + times + 1):
        wait_until(lambda: server.begun(text) == attempt, f"try {attempt}")  # noqa: B023
        os.kill(server.begun_by(text)[-1], number)


def ready_workers(server: ServerProcess) -> set[int]:
    """The idle workers that are ready."""
    return {each["pid"] for each in server.health()["workers"] if each["state"] == "ready"}


@pytest.mark.faults(1)
def test_a_busy_worker_is_killed(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    before = restarts(patient, KILLED)
    text = f"hold {gate}"
    holding = clients.submit(patient.upload, card(text))
    wait_until(lambda: patient.begun(text) == 1, "the start")
    os.kill(patient.begun_by(text)[0], signal.SIGKILL)
    wait_until(lambda: patient.begun(text) == 2, "the second try")
    gate.unlink()
    reply = holding.result(20)
    assert (reply.status, reply.text, reply.json["cache"]) == (200, text, "miss")
    first, second = patient.begun_by(text)
    assert first != second
    assert restarts(patient, KILLED) == before + 1


@pytest.mark.faults(1)
def test_a_busy_worker_is_killed_again_and_again(patient: ServerProcess, gate: Path) -> None:
    text = f"hold {gate}"
    with ThreadPoolExecutor(1) as client:
        holding = client.submit(patient.upload, card(text))
        kill_whoever_begins(patient, text, signal.SIGKILL, times=4)
        wait_until(lambda: patient.begun(text) == 5, "the fifth try")
        gate.unlink()
        reply = holding.result(20)
    assert (reply.status, reply.text, reply.json["cache"]) == (200, text, "miss")


@pytest.mark.faults(1)
def test_the_next_worker_continues_where_the_last_one_was_killed(
    fakes: ServerProcess, tmp_path: Path
) -> None:
    steps = tmp_path / "steps"
    text = f"step {steps}"
    reply = fakes.upload(card(text))
    assert (reply.status, reply.text) == (200, text)
    done = [line.split() for line in steps.read_text().splitlines()]
    assert [number for _, number in done] == ["1", "2", "3"]
    assert done[0][0] == done[1][0] != done[2][0]


@pytest.mark.faults(2)
def test_an_image_that_crashes_its_workers_is_poison_from_then_on(fakes: ServerProcess) -> None:
    before = restarts(fakes, CRASHED)
    crashed = fakes.upload(card("crash"))
    assert (crashed.status, crashed.code) == (503, "worker_crashed")
    assert int(crashed.headers["Retry-After"]) >= 1
    first, second = fakes.begun_by("crash")
    assert first != second
    for headers in ({}, {"Cache-Control": "no-cache"}):
        refused = fakes.upload(card("crash"), headers)
        assert (refused.status, refused.code) == (422, "poison_input")
        assert "refused" in refused.json["error"]["message"]
    assert fakes.upload(card("harmless")).text == "harmless"
    assert fakes.begun("crash") == 2
    assert restarts(fakes, CRASHED) == before + 2


@pytest.mark.faults(2)
def test_other_options_make_poison_no_better(fakes: ServerProcess) -> None:
    poison = card("crash", "BMP")
    assert fakes.upload(poison).code == "worker_crashed"
    begun = fakes.begun("crash")
    refused = fakes.upload(poison, det_db_thresh="0.4")
    assert (refused.status, refused.code) == (422, "poison_input")
    assert fakes.begun("crash") == begun


@pytest.mark.faults(2)
def test_an_image_that_was_read_before_is_no_poison(patient: ServerProcess, gate: Path) -> None:
    text, again = f"hold {gate}", {"Cache-Control": "no-cache"}
    gate.unlink()
    assert patient.upload(card(text)).status == 200
    gate.touch()
    with ThreadPoolExecutor(1) as client:
        holding = client.submit(patient.upload, card(text), again)
        kill_whoever_begins(patient, text, signal.SIGSEGV, times=3, begun=1)
        wait_until(lambda: patient.begun(text) == 5, "the try after three crashes")
        gate.unlink()
        reply = holding.result(20)
    assert (reply.status, reply.text) == (200, text)


@pytest.mark.slow
@pytest.mark.faults(2, 7)
def test_an_image_for_which_the_kernel_kills_its_workers_is_poison(
    tmp_path: Path,
) -> None:
    with (
        memory_cgroup(CGROUP_MB) as prefix,
        prepare(
            tmp_path, fakes=True, prefix=prefix, task_memory_mb=0, timeout_seconds=20
        ) as server,
    ):
        killed = server.upload(card("grow"))
        assert (killed.status, killed.code) == (503, "worker_crashed")
        assert server.upload(card("grow")).code == "poison_input"
        assert server.begun("grow") == 2
        losses = server.health()["restarts"]
        assert set(losses) == {KILLED}
        assert losses[KILLED] >= 2  # the kernel may kill the other worker as well
        assert server.upload(card("harmless")).text == "harmless"


@pytest.mark.slow
@pytest.mark.faults(3)
def test_an_idle_worker_is_killed_50_times(fakes: ServerProcess) -> None:
    before = restarts(fakes, KILLED)
    killed: set[int] = set()
    for number in range(50):
        wait_until(lambda: ready_workers(fakes) - killed, "an idle worker")
        killed.add(worker := (ready_workers(fakes) - killed).pop())
        os.kill(worker, signal.SIGKILL)
        reply = fakes.upload(card(f"idle {number}"))
        assert (reply.status, reply.text) == (200, f"idle {number}")
    wait_until(lambda: restarts(fakes, KILLED) == before + 50, "50 restarts counted")


@pytest.mark.faults(4)
def test_a_worker_dies_in_the_middle_of_a_5_mb_answer(
    fakes: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    before = fakes.metric("ocr_worker_restarts_total")
    text = f"recite {gate}"
    reciting = clients.submit(fakes.upload, card(text))
    others = [clients.submit(fakes.upload, card(f"other {text} {n}")) for n in range(20)]
    assert [each.result(20).text for each in others] == [f"other {text} {n}" for n in range(20)]
    reply = reciting.result(20)
    assert (reply.status, reply.text) == (200, RECITAL)
    first, second = fakes.begun_by(text)
    assert first != second
    assert f"worker {first} lost: " in fakes.output
    assert fakes.metric("ocr_worker_restarts_total") == before + 1


@pytest.mark.faults(5)
@pytest.mark.parametrize("hang", ["spin", "freeze"])
def test_a_hanging_image_is_given_up_at_the_deadline(
    hang: str, fakes: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    before = restarts(fakes, "deadline")
    text = f"{hang} {gate}"
    started = time.monotonic()
    hanging = clients.submit(fakes.upload, card(text))
    assert fakes.upload(card(f"other {text}")).status == 200
    late = hanging.result(20)
    assert TASK_SECONDS <= time.monotonic() - started < TASK_SECONDS + 3
    assert (late.status, late.code) == (504, "ocr_timeout")
    assert "2 s" in late.json["error"]["message"]
    (worker,) = fakes.begun_by(text)
    wait_until(lambda: not is_alive(worker), "the end of the worker that hangs", 3)
    wait_until(lambda: len(ready_workers(fakes)) == 2, "its replacement")
    assert restarts(fakes, "deadline") == before + 1
    assert fakes.begun(text) == 1


@pytest.mark.faults(60)
def test_an_image_that_takes_too_long_does_so_once(fakes: ServerProcess, gate: Path) -> None:
    """The worker computes until the deadline; it would read the image at the second attempt."""
    text = f"spin {gate}"
    assert_error(fakes.upload(card(text)), 504, "ocr_timeout", "longer than 2 s")
    for _ in range(3):
        refused = fakes.upload(card(text))
        assert_error(refused, 504, "ocr_timeout", "longer than 2 s", "refused for a while")
    job = fakes.upload(card(text), block_flag="false")
    assert (job.status, job.code) == (504, "ocr_timeout")
    assert fakes.begun(text) == 1
    assert fakes.upload(card(text), det_db_thresh="0.4").text == text  # other options may cost less
    assert fakes.begun(text) == 2


@pytest.mark.faults(60)
def test_an_image_whose_worker_was_stopped_is_not_slow(fakes: ServerProcess, gate: Path) -> None:
    text = f"freeze {gate}"
    for _ in range(2):
        assert fakes.upload(card(text)).status in (200, 504)
    assert fakes.begun(text) == 2


@pytest.mark.faults(7)
def test_a_worker_may_not_allocate_beyond_its_limit(
    serve: Serve, clients: ThreadPoolExecutor
) -> None:
    server = serve(task_memory_mb=400)
    front_end = rss_mb(server.pid)
    growing = clients.submit(server.upload, card("grow"))
    texts = [f"other {each}" for each in range(20)]
    others = [clients.submit(server.upload, card(text)) for text in texts]
    refused = growing.result(20)
    assert (refused.status, refused.code) == (422, "image_too_complex")
    assert "memory" in refused.json["error"]["message"]
    assert [each.result(20).text for each in others] == texts
    assert server.begun("grow") == 1
    assert " lost: " not in server.output
    assert rss_mb(server.pid) < front_end + 10


@pytest.mark.faults(7)
def test_a_growing_worker_is_killed_as_if_out_of_memory(
    serve: Serve, clients: ThreadPoolExecutor, gate: Path
) -> None:
    server = serve(task_memory_mb=0, timeout_seconds=20)
    front_end = rss_mb(server.pid)
    text = f"grow {gate}"
    growing = clients.submit(server.upload, card(text))
    wait_until(lambda: server.begun(text) == 1, "the start")
    (worker,) = server.begun_by(text)
    wait_until(lambda: rss_mb(worker) > 300, "its growth")
    os.kill(worker, signal.SIGKILL)
    reply = growing.result(20)
    assert (reply.status, reply.text) == (200, text)
    assert server.begun(text) == 2
    assert server.health()["restarts"] == {KILLED: 1}
    assert rss_mb(server.pid) < front_end + 10


@pytest.mark.faults(7)
def test_the_kernel_would_take_a_worker_before_the_front_end(fakes: ServerProcess) -> None:
    scores = {
        pid: int(Path(f"/proc/{pid}/oom_score_adj").read_text())
        for pid in (fakes.pid, *ready_workers(fakes))
    }
    front_end = scores.pop(fakes.pid)
    assert len(scores) == 2
    assert min(scores.values()) > front_end


@pytest.mark.faults(8)
def test_a_segmentation_fault_is_named(fakes: ServerProcess, gate: Path) -> None:
    before = fakes.metric("ocr_worker_restarts_total", reason=CRASHED)
    text = f"crash {gate}"
    reply = fakes.upload(card(text))
    assert (reply.status, reply.text) == (200, text)
    first, second = fakes.begun_by(text)
    assert first != second
    assert f"worker {first} lost: killed by SIGSEGV" in fakes.output
    assert fakes.metric("ocr_worker_restarts_total", reason=CRASHED) == before + 1
