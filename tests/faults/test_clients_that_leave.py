"""Row 18: a client disconnects before its answer is ready."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.test_load import busy, joined, waiting
from tests.support.cards import card
from tests.support.faulty_server import NUMBER
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

pytestmark = pytest.mark.faults(18)


def open_requests(server: ServerProcess) -> int:
    """How many clients wait for an answer."""
    return int(server.health()["requests"]["open"])


def test_queued_work_is_dropped(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"nobody waits {gate}"
    holding = busy(patient, clients, gate)
    with closing(patient.send(card(text))):
        wait_until(lambda: waiting(patient) == 1, "the queued image")
    wait_until(lambda: waiting(patient) == 0, "the queue without it")
    assert patient.health()["requests"]["in_flight"] == NUMBER
    gate.unlink()
    assert [each.result(20).status for each in holding] == [200] * NUMBER
    assert patient.upload(card(f"after {text}")).status == 200
    assert patient.begun(text) == 0


def test_queued_work_stays_for_those_who_joined(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"two wait {gate}"
    before = joined(patient)
    holding = busy(patient, clients, gate)
    with closing(patient.send(card(text))):
        wait_until(lambda: waiting(patient) == 1, "the queued image")
        other = clients.submit(patient.upload, card(text))
        wait_until(lambda: joined(patient) == before + 1, "the one that joins")
    wait_until(lambda: open_requests(patient) == NUMBER + 1, "the client gone")
    assert waiting(patient) == 1
    gate.unlink()
    reply = other.result(20)
    assert (reply.status, reply.text, reply.json["cache"]) == (200, text, "joined")
    assert [each.result(20).status for each in holding] == [200] * NUMBER
    assert patient.begun(text) == 1


def test_queued_work_goes_with_the_last_of_those_who_joined(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"two leave {gate}"
    before = joined(patient)
    holding = busy(patient, clients, gate)
    with closing(patient.send(card(text))), closing(patient.send(card(text))):
        wait_until(lambda: joined(patient) == before + 1, "the one that joins")
        assert waiting(patient) == 1
    wait_until(lambda: waiting(patient) == 0, "the queue without it")
    gate.unlink()
    assert [each.result(20).status for each in holding] == [200] * NUMBER
    assert patient.begun(text) == 0


def test_running_work_is_finished_and_kept(patient: ServerProcess, gate: Path) -> None:
    text = f"hold {gate}"
    with closing(patient.send(card(text))):
        wait_until(lambda: patient.begun(text) == 1, "the start")
    wait_until(lambda: open_requests(patient) == 0, "the client gone")
    assert patient.health()["queue"]["running"] == 1
    gate.unlink()
    wait_until(lambda: patient.health()["requests"]["in_flight"] == 0, "the end")
    reply = patient.upload(card(text))
    assert (reply.status, reply.text, reply.json["cache"]) == (200, text, "hit")
    assert patient.begun(text) == 1
