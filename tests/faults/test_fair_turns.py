"""Rows 81 and 82: users and jobs that take more than their share of the workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from server.http.connections import raise_descriptor_limit
from tests.support.cards import card
from tests.support.live_server import LiveServer
from tests.support.named_users import name_users, of
from tests.support.watching import wait_until

RECOGNITION_SECONDS = 0.2
FLOOD = 500
OWN_IMAGES = 20
QUEUE_SIZE = 1000
PATIENT: dict[str, Any] = {"timeout_seconds": 60, "queue_timeout_seconds": 600}


@pytest.fixture
def server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_error_log: None
) -> Iterator[LiveServer]:
    """A server with one worker, whose requests name their users."""
    name_users(monkeypatch)
    raise_descriptor_limit()
    with LiveServer(tmp_path, number=1, queue_size=QUEUE_SIZE, **PATIENT) as started:
        yield started
        started.check_whole()


@pytest.fixture
def waiting() -> Iterator[ExitStack]:
    """Connections that wait for an answer; closed at the end, which drops their images."""
    with ExitStack() as stack:
        yield stack


def post(server: LiveServer, waiting: ExitStack, user: str, texts: list[str]) -> None:
    """Send cards without waiting for the answers, and wait until they are in the queue."""
    queued = server.queued()
    for text in texts:
        waiting.enter_context(closing(server.send(card(text), of(user))))
    wait_until(lambda: server.queued() == queued + len(texts), f"the images of {user}", 60)


def hold(server: LiveServer, waiting: ExitStack, gate: Path) -> None:
    """Keep the worker busy until the gate is removed."""
    waiting.enter_context(closing(server.send(card(f"hold {gate}"))))
    wait_until(lambda: server.begun(f"hold {gate}") == 1, "a busy worker")
    server.clear()


def begun(server: LiveServer) -> list[str]:
    """The cards that the worker has begun, in order."""
    events = [line.partition(" ")[2] for line in server.journal.read_text().splitlines()]
    return [event.removeprefix("begin ") for event in events if event.startswith("begin ")]


def first_begun(server: LiveServer, count: int) -> list[str]:
    """The first letters of as many cards as are begun first."""
    wait_until(lambda: len(begun(server)) >= count, f"{count} begun images", 60)
    return [text[0] for text in begun(server)[:count]]


@pytest.mark.faults(81)
def test_one_user_floods_and_another_waits_for_two_images_at_most(
    server: LiveServer, waiting: ExitStack
) -> None:
    flood = [f"take {RECOGNITION_SECONDS} of A, {n}" for n in range(FLOOD + 1)]
    waiting.enter_context(closing(server.send(card(flood[0]), of("A"))))
    wait_until(lambda: server.begun(flood[0]) == 1, "the first of the flood")
    for text in flood[1:]:
        waiting.enter_context(closing(server.send(card(text), of("A"))))
    wait_until(lambda: server.health()["queue"]["waiting"] > FLOOD * 0.8, "the flood", 60)
    assert server.health()["queue"]["users"] == 1
    seconds = []
    for number in range(OWN_IMAGES):
        started = time.monotonic()
        reply = server.upload(card(f"take {RECOGNITION_SECONDS} of B, {number}"), of("B"))
        seconds.append(time.monotonic() - started)
        assert reply.status == 200, reply
    assert server.queued() > FLOOD / 2
    order = begun(server)
    places = [place for place, text in enumerate(order) if "of B" in text]
    between = sorted(second - first - 1 for first, second in pairwise(places))
    assert between[round(len(between) * 0.95) - 1] <= 2
    noise_seconds = 0.3
    p95 = sorted(seconds)[round(OWN_IMAGES * 0.95) - 1]
    assert p95 <= 3 * RECOGNITION_SECONDS + noise_seconds


@pytest.mark.faults(81)
def test_the_weight_of_a_user_is_its_share(
    server: LiveServer, waiting: ExitStack, gate: Path
) -> None:
    hold(server, waiting, gate)
    post(server, waiting, "A", [f"A {n:03}" for n in range(90)])
    post(server, waiting, "C 2", [f"C {n:03}" for n in range(90)])
    assert server.health()["queue"]["users"] == 2
    gate.unlink()
    order = first_begun(server, 90)
    assert order.count("C") == pytest.approx(2 * order.count("A"), rel=0.1)


@pytest.mark.faults(81)
def test_one_user_fills_its_part_of_the_queue_and_another_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: ExitStack, gate: Path
) -> None:
    name_users(monkeypatch)
    with LiveServer(tmp_path, number=1, queue_size=20, **PATIENT) as server:
        hold(server, waiting, gate)
        post(server, waiting, "A", [f"A {n}" for n in range(10)])
        refused = server.upload(card("A once more"), of("A"))
        assert (refused.status, refused.code) == (503, "queue_full")
        assert "10 of your images are waiting" in refused.json["error"]["message"]
        assert int(refused.headers["Retry-After"]) >= 1
        post(server, waiting, "B", [f"B {n}" for n in range(5)])
        gate.unlink()
        assert "".join(first_begun(server, 15)) == "ABABABABABAAAAA"
        server.check_whole()


@pytest.mark.faults(81)
def test_without_keys_one_client_may_fill_the_whole_queue(
    tmp_path: Path, waiting: ExitStack, gate: Path
) -> None:
    with LiveServer(tmp_path, number=1, queue_size=20, **PATIENT) as server:
        hold(server, waiting, gate)
        for number in range(20):
            waiting.enter_context(closing(server.send(card(f"A {number}"))))
        wait_until(lambda: server.queued() == 20, "a full queue")
        refused = server.upload(card("A once more"))
        assert "20 images are waiting, which is the limit" in refused.json["error"]["message"]
        gate.unlink()
        assert first_begun(server, 20) == ["A"] * 20
        server.check_whole()


@pytest.mark.faults(82)
@pytest.mark.parametrize("user", ["A", "B"])
def test_jobs_get_a_fifth_while_others_wait_for_their_answer(
    server: LiveServer, waiting: ExitStack, gate: Path, user: str
) -> None:
    hold(server, waiting, gate)
    for number in range(60):
        reply = server.upload(card(f"take 0.03 {number:03} job"), of("A"), block_flag="False")
        assert reply.status == 202
    post(server, waiting, user, [f"take 0.03 {number:03} waited" for number in range(60)])
    gate.unlink()
    wait_until(lambda: len(begun(server)) >= 120, "all images", 60)
    order = "".join(text.split()[-1][0] for text in begun(server))
    assert order[:10] == "wwwwj" * 2
    for start in range(25):  # as long as both wait; a job is always ready
        assert order[start : start + 50].count("j") == pytest.approx(10, abs=2)
    assert order.count("j") == 60
    wait_until(lambda: server.call(server.pool.pending) == 0, "all jobs done")


@pytest.mark.faults(82)
def test_jobs_take_all_workers_that_nobody_else_needs(
    server: LiveServer, waiting: ExitStack, gate: Path
) -> None:
    hold(server, waiting, gate)
    for number in range(20):
        server.upload(card(f"job {number:03}"), of("A"), block_flag="False")
    gate.unlink()
    assert first_begun(server, 20) == ["j"] * 20
