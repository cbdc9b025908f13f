"""Rows 6 and 9 to 12: start, recycling and exit of workers, and many crashes under load."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.faulty_server import NUMBER, Serve, prepare
from tests.support.http_client import Reply
from tests.support.server_process import ServerProcess, run_setup
from tests.support.watching import is_alive, kill_all, wait_until, worker_processes

LEAVE_SECONDS = 3.0
SLACK_SECONDS = 1.0
CLIENTS = 4
KILL_EVERY_SECONDS = 0.5


def warm_workers(server: ServerProcess) -> list[int]:
    """The workers that are busy or ready."""
    workers = server.health()["workers"]
    return [each["pid"] for each in workers if each["state"] in ("ready", "busy")]


@contextlib.contextmanager
def load(
    server: ServerProcess, text: Callable[[int], str], headers: Mapping[str, str] | None = None
) -> Iterator[list[tuple[str, Reply]]]:
    """Run clients that send cards one at a time; returns all texts with their answers."""
    answers: list[tuple[str, Reply]] = []
    numbers = itertools.count()
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            said = text(next(numbers))
            answers.append((said, server.upload(card(said), headers)))

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(client) for _ in range(CLIENTS)]
        try:
            yield answers
        finally:
            stop.set()
        for each in running:
            each.result(30)


@pytest.fixture(scope="module", autouse=True)
def never_starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose workers exit immediately; it retries five times while other tests run."""
    folder = tmp_path_factory.mktemp("never")
    server = prepare(folder, fakes=True, load="exit_at_start", number=1)
    server.start()
    yield server
    server.__exit__(None, None, None)


@pytest.mark.faults(9)
def test_a_server_whose_workers_do_not_start_is_not_ready(never_starting: ServerProcess) -> None:
    wait_until(lambda: "lost: exit status 7" in never_starting.output, "the first failure")
    unready = never_starting.get("/readyz")
    assert (unready.status, unready.code) == (503, "starting")
    refused = never_starting.upload(card("too early"))
    assert (refused.status, refused.code) == (503, "starting")
    unknown = never_starting.get("/languages")
    assert (unknown.status, unknown.code) == (503, "starting")
    assert never_starting.get("/livez").status == 200


@pytest.mark.faults(6)
def test_a_worker_that_does_not_listen_is_gone_when_the_server_leaves(serve: Serve) -> None:
    server = serve()
    workers = worker_processes(server.pid)
    assert len(workers) == NUMBER
    for worker in workers:
        os.kill(worker, signal.SIGTERM)  # they ignore it
    assert server.upload(card("after SIGTERM to all workers")).status == 200
    assert worker_processes(server.pid) == workers
    os.kill(max(workers), signal.SIGSTOP)
    server.terminate()
    started = time.monotonic()
    assert server.wait(10) == 0
    assert time.monotonic() - started < LEAVE_SECONDS + SLACK_SECONDS
    assert not any(map(is_alive, workers))


@pytest.mark.faults(6)
def test_a_worker_that_does_not_listen_is_gone_when_it_is_recycled(serve: Serve) -> None:
    server = serve(load="load_obedient_when_told", number=1, max_task_number=1)
    gate = server.folder / "gate"
    gate.touch()
    server.upload(card("the last one"))
    (recycled,) = server.begun_by("the last one")
    os.kill(recycled, signal.SIGSTOP)
    gate.unlink()
    wait_until(lambda: set(warm_workers(server)) - {recycled}, "the replacement")
    wait_until(lambda: not is_alive(recycled), "the end", LEAVE_SECONDS + SLACK_SECONDS)
    assert server.upload(card("the next one")).status == 200


@pytest.mark.faults(9)
def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ocr": {"predict_system": {"det_model_dir": "./absent"}}}))
    done = run_setup("--config", str(config), "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ocr-server: ")
    assert "det_model_dir" in line and "absent" in line


@pytest.mark.faults(10)
def test_the_front_end_is_killed(serve: Serve, clients: ThreadPoolExecutor, gate: Path) -> None:
    server = serve(timeout_seconds=30)
    workers = worker_processes(server.pid)
    assert len(workers) == NUMBER
    cards = ("spin", f"hold {gate}")
    lost = [clients.submit(server.upload, card(text)) for text in cards]
    wait_until(lambda: all(server.begun(text) for text in cards), "two busy workers")
    os.kill(server.begun_by(cards[1])[0], signal.SIGSTOP)
    server.kill()
    try:
        wait_until(lambda: not any(map(is_alive, workers)), "the end of all workers", 5)
    finally:
        kill_all({pid for pid in workers if is_alive(pid)})
    assert all(isinstance(each.exception(10), OSError) for each in lost)
    server.start(server.port)
    wait_until(lambda: server.get("/readyz").status == 200, "the server again")
    assert server.upload(card("after the restart")).text == "after the restart"


@pytest.mark.slow
@pytest.mark.faults(11)
@pytest.mark.parametrize(
    ("loader", "limits"),
    [
        pytest.param("load_obedient", {"max_task_number": 25}, id="by count"),
        pytest.param("load_leaking_slowly", {"max_rss_mb": 300}, id="by memory"),
    ],
)
def test_the_replacement_is_ready_before_the_recycled_one_exits(
    loader: str, limits: dict[str, int], serve: Serve
) -> None:
    server = serve(load=loader, **limits)
    warm: list[int] = []

    def are_recycled() -> bool:
        health = server.health()
        warm.append(sum(each["state"] in ("ready", "busy") for each in health["workers"]))
        return bool(health["restarts"].get("recycled", 0) >= 2 * NUMBER)

    with load(server, lambda number: f"take 0.03 {loader} {number}") as answers:
        wait_until(are_recycled, "four workers recycled")
    assert len(warm) > 30
    assert min(warm) >= NUMBER, f"{warm.count(NUMBER - 1)} of {len(warm)} samples"
    wrong = [(text, reply.status) for text, reply in answers if reply.status != 200]
    assert not wrong
    assert all(reply.text == text for text, reply in answers)
    assert set(server.health()["restarts"]) == {"recycled"}


@pytest.mark.slow
@pytest.mark.faults(12)
def test_workers_are_killed_all_the_time_while_an_image_takes_a_second(
    patient: ServerProcess,
) -> None:
    """The same four images: few succeed at the first attempt, and none is quarantined."""
    chance = random.Random(12)
    end = time.monotonic() + 12
    uncached = {"Cache-Control": "no-cache"}
    with load(patient, lambda number: f"take 1 image {number % 4}", uncached) as answers:
        while time.monotonic() < end:
            wait_until(lambda: warm_workers(patient), "a worker to kill")
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(chance.choice(warm_workers(patient)), signal.SIGKILL)
            time.sleep(KILL_EVERY_SECONDS)
    assert len(answers) >= 4
    for text, reply in answers:
        assert (reply.status, reply.text) == (200, text)


@pytest.mark.slow
@pytest.mark.faults(9)
def test_a_server_whose_workers_do_not_start_gives_up(never_starting: ServerProcess) -> None:
    assert never_starting.wait(40) == 2
    log = never_starting.output
    assert never_starting.journal.read_text() == "try\n" * 5
    assert "ocr-server: no worker could start in 5 attempts: exit status 7" in log
    assert "Traceback" not in log
    pauses = pauses_between_losses(log)
    assert len(pauses) == 4
    assert all(pause >= 2**number for number, pause in enumerate(pauses))
    assert pauses[-1] <= 30 + SLACK_SECONDS


def pauses_between_losses(log: str) -> list[float]:
    """Seconds between one `worker … lost` in the log and the next."""
    stamps = re.findall(r"^(\S+ \S+) WARNING \S+: worker \d+ lost", log, re.MULTILINE)
    times = [datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f") for stamp in stamps]
    return [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
