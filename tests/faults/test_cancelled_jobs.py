"""Row 47: clients that start jobs and cancel them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

pytestmark = pytest.mark.faults(47)

CANCELS = 15


def start_and_cancel(server: ServerProcess, text: str) -> str:
    """Cancel a job as soon as a worker begins it; returns its state afterwards."""
    url = server.upload(card(text), block_flag="0").json["job"]["url"]
    wait_until(lambda: server.get(url).headers["X-Job-State"] != "queued", "the start")
    server.request("DELETE", url)
    return str(server.get(url).json["job"]["state"])


def test_jobs_that_are_cancelled_as_soon_as_they_run_cost_no_worker(
    patient: ServerProcess, tmp_path: Path
) -> None:
    before = patient.health()["restarts"]
    stop = threading.Event()

    def victim() -> list[int]:
        statuses: list[int] = []
        while not stop.is_set():
            text = f"victim {len(statuses)}"
            statuses.append(patient.upload(card(text), {"Cache-Control": "no-cache"}).status)
        return statuses

    with ThreadPoolExecutor(1) as client:
        served = client.submit(victim)
        states: list[str] = []
        try:
            for n in range(CANCELS):
                gate = tmp_path / f"gate-{n}"
                gate.touch()
                states.append(start_and_cancel(patient, f"hold {gate}"))
                gate.unlink()
        finally:
            stop.set()
        assert states == ["cancelled"] * CANCELS
        assert set(served.result(20)) == {200}
    assert patient.health()["restarts"] == before


def test_what_a_cancelled_job_has_read_is_kept(patient: ServerProcess, gate: Path) -> None:
    text = f"hold {gate}"
    assert start_and_cancel(patient, text) == "cancelled"
    gate.unlink()
    wait_until(lambda: patient.health()["queue"]["running"] == 0, "the end of its work")
    reply = patient.upload(card(text))
    assert (reply.text, reply.json["cache"]) == (text, "hit")
    assert patient.begun(text) == 1
