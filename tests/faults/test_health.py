"""Rows 65 to 67: workers that are ready but wrong, and spares."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.faulty_server import NUMBER, Serve
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until


def in_state(server: ServerProcess, state: str) -> list[int]:
    """The pids of the workers in this state."""
    return [each["pid"] for each in server.health()["workers"] if each["state"] == state]


def outcomes(server: ServerProcess) -> tuple[int, dict[int, str]]:
    """The status of a probe, and how each worker has read the known image."""
    answer = server.get("/healthz?probe=1")
    probed = answer.json["probe"]["workers"]
    return answer.status, {worker["pid"]: worker["outcome"] for worker in probed}


@pytest.mark.faults(65)
def test_a_worker_that_answers_wrongly_is_found_and_replaced(serve: Serve) -> None:
    server = serve(load="load_spoilable")
    order = server.folder / "spoil"
    order.touch()
    server.upload(card(f"spoil {order}"))
    (spoiled,) = server.begun_by(f"spoil {order}")
    (sound,) = set(in_state(server, "ready")) - {spoiled}
    assert outcomes(server) == (200, {spoiled: "wrong", sound: "right"})
    wait_until(lambda: len(in_state(server, "ready")) == NUMBER, "the replacement")
    assert spoiled not in in_state(server, "ready")
    assert server.health()["restarts"] == {"probe_failed": 1}
    assert b'ocr_worker_restarts_total{reason="probe_failed"} 1.0' in server.get("/metrics").body
    assert server.upload(card("read rightly again")).text == "read rightly again"


@pytest.mark.faults(65)
def test_no_worker_answers_rightly(serve: Serve) -> None:
    server = serve(load="load_spoilable", number=1)
    order = server.folder / "spoil"
    order.touch()
    server.upload(card(f"spoil {order}"))
    (spoiled,) = server.begun_by(f"spoil {order}")
    assert outcomes(server) == (503, {spoiled: "wrong"})


@pytest.mark.slow
@pytest.mark.faults(65)
def test_a_ready_worker_that_is_frozen_is_found_and_replaced(serve: Serve) -> None:
    server = serve(number=1)
    (frozen,) = in_state(server, "ready")
    os.kill(frozen, signal.SIGSTOP)
    assert outcomes(server) == (503, {frozen: "late"})
    wait_until(lambda: in_state(server, "ready"), "the replacement")
    assert in_state(server, "ready") != [frozen]


@pytest.mark.faults(66)
def test_a_spare_answers_for_a_worker_that_is_killed(
    serve: Serve, clients: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """No process can load meanwhile: the spare reads the image."""
    server = serve(load="load_obedient_when_told", number=1, spares=1, timeout_seconds=30)
    (worker,), (spare,) = in_state(server, "ready"), in_state(server, "spare")
    gate, hold = server.folder / "gate", tmp_path / "hold"
    gate.touch()
    hold.touch()
    text = f"hold {hold}"
    answer = clients.submit(server.upload, card(text))
    wait_until(lambda: server.begun(text), "a busy worker")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: server.begun(text) == 2, "the spare")
    assert server.begun_by(text) == [worker, spare]
    hold.unlink()
    assert (answer.result(20).status, answer.result(20).text) == (200, text)
    metrics = server.get("/metrics").body
    assert b'ocr_workers{state="ready"} 1.0' in metrics
    assert b'ocr_workers{state="spare"} 0.0' in metrics
    gate.unlink()
    wait_until(lambda: len(in_state(server, "spare")) == 1, "the next spare")
    assert in_state(server, "ready") == [spare]


@pytest.mark.faults(66)
def test_spares_are_killed_again_and_again(serve: Serve) -> None:
    server = serve(number=1, spares=1)
    workers = in_state(server, "ready")
    for number in range(1, 4):
        (spare,) = in_state(server, "spare")
        os.kill(spare, signal.SIGKILL)
        assert server.upload(card(f"meanwhile {number}")).text == f"meanwhile {number}"
        wait_until(lambda gone=spare: set(in_state(server, "spare")) - {gone}, "the next one")  # type: ignore[misc]
        assert server.health()["restarts"] == {"sigkill": number}
    assert in_state(server, "ready") == workers


@pytest.mark.faults(67)
def test_a_spare_takes_the_place_of_a_recycled_worker(serve: Serve) -> None:
    """No process can load meanwhile."""
    server = serve(load="load_obedient_when_told", number=1, spares=1, max_task_number=1)
    gate = server.folder / "gate"
    (worker,), (spare,) = in_state(server, "ready"), in_state(server, "spare")
    before = server.health()["restarts"]["recycled"]  # the known image was the first one's last
    gate.touch()
    assert server.upload(card("the last one")).text == "the last one"
    assert server.upload(card("the first of the spare")).text == "the first of the spare"
    assert server.begun_by("the first of the spare") == [spare]
    now = {"recycled": before + 1}
    wait_until(lambda: server.health()["restarts"] == now, "the end of the old one")
    gate.unlink()
    wait_until(lambda: len(in_state(server, "spare")) == 1, "the next spare")
    assert worker not in in_state(server, "ready")
