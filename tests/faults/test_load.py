"""Rows 13 to 17: the same image from many clients, and overload."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.arrivals import (
    Answer,
    Client,
    Request,
    run,
)
from tests.support.cards import card
from tests.support.checkout import IMAGES
from tests.support.faulty_server import NUMBER, QUEUE_SIZE, Serve
from tests.support.http_client import Reply, image_part, multipart
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

HERD = 1000


def upload(image: bytes) -> Request:
    """The image in a form."""
    body, headers = multipart([image_part(image)])
    return Request("upload", body, path="/ocr_service", headers=headers)


def waiting(server: ServerProcess) -> int:
    """How many images are queued."""
    return int(server.health()["queue"]["waiting"])


def joined(server: ServerProcess) -> int:
    """How many requests were coalesced."""
    return int(server.metric("ocr_cache_requests_total", result="joined"))


def busy(
    server: ServerProcess, clients: ThreadPoolExecutor, gate: Path, number: int = NUMBER
) -> list[Future[Reply]]:
    """Keep this many workers busy until the gate is removed."""
    texts = [f"hold {gate} {each}" for each in range(number)]
    holding = [clients.submit(server.upload, card(text)) for text in texts]
    wait_until(lambda: all(server.begun(text) for text in texts), "busy workers")
    return holding


@pytest.mark.slow
@pytest.mark.faults(13)
def test_a_thousand_identical_uploads_at_once(models: ServerProcess) -> None:
    page = (IMAGES / "sign_en_parking.png").read_bytes()
    text = models.upload(page).text
    before = models.metric("ocr_recognitions_total")
    misses = models.metric("ocr_cache_requests_total", result="miss")

    async def herd(client: Client) -> list[Answer]:
        await client.connect(HERD)
        request = upload(page + b"another MD5")
        return await asyncio.gather(*(client.ask(request) for _ in range(HERD)))

    replies = run(models.port, herd)
    assert Counter(reply.outcome for reply in replies) == {"200": HERD}
    assert {reply.text for reply in replies} == {text}
    assert models.metric("ocr_recognitions_total") == before + 1
    assert models.metric("ocr_cache_requests_total", result="miss") == misses + 1
    outcomes = Counter(reply.json["cache"] for reply in replies)
    assert outcomes["miss"] == 1


@pytest.mark.faults(14)
def test_the_first_leaves_and_its_worker_dies(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"hold {gate}"
    before = joined(patient)
    with closing(patient.send(card(text))):
        wait_until(lambda: patient.begun(text) == 1, "the start")
        others = [clients.submit(patient.upload, card(text)) for _ in range(5)]
        wait_until(lambda: joined(patient) == before + 5, "five that join")
    wait_until(lambda: patient.health()["requests"]["open"] == 5, "the first gone")
    os.kill(patient.begun_by(text)[0], signal.SIGKILL)
    wait_until(lambda: patient.begun(text) == 2, "one new attempt")
    gate.unlink()
    assert [each.result(20).text for each in others] == [text] * 5
    assert patient.begun(text) == 2


@pytest.mark.faults(14)
def test_both_workers_of_a_shared_image_die(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"hold {gate}"
    before = joined(patient)
    sharing = [clients.submit(patient.upload, card(text)) for _ in range(6)]
    wait_until(lambda: joined(patient) == before + 5, "five that join")
    wait_until(lambda: patient.begun(text) == 1, "the first attempt")
    os.kill(patient.begun_by(text)[0], signal.SIGSEGV)
    wait_until(lambda: patient.begun(text) == 2, "the second attempt")
    os.kill(patient.begun_by(text)[1], signal.SIGSEGV)
    replies = [each.result(20) for each in sharing]
    assert [(each.status, each.code) for each in replies] == [(503, "worker_crashed")] * 6
    assert patient.begun(text) == 2


@pytest.mark.faults(15)
def test_a_full_queue_is_told_at_once(
    patient: ServerProcess, clients: ThreadPoolExecutor, gate: Path
) -> None:
    holding = busy(patient, clients, gate)
    texts = [f"queued {gate} {each}" for each in range(QUEUE_SIZE)]
    queued = [clients.submit(patient.upload, card(text)) for text in texts]
    wait_until(lambda: waiting(patient) == QUEUE_SIZE, "a full queue")
    seconds = []
    for _ in range(50):
        started = time.monotonic()
        refused = patient.upload(card(f"one too many {gate}"))
        seconds.append(time.monotonic() - started)
        assert (refused.status, refused.code) == (503, "queue_full")
        assert int(refused.headers["Retry-After"]) >= 1
    assert f"{QUEUE_SIZE} images" in refused.json["error"]["message"]
    print(f"refused after {sorted(seconds)[25] * 1000:.1f} ms, at most {max(seconds) * 1000:.1f}")
    assert max(seconds) < 1
    assert patient.get("/livez").status == patient.get("/readyz").status == 200
    gate.unlink()
    assert [each.result(20).status for each in holding] == [200] * NUMBER
    assert [each.result(20).text for each in queued] == texts
    assert patient.begun(f"one too many {gate}") == 0
    assert patient.upload(card(f"one too many {gate}")).status == 200


@pytest.mark.faults(16)
@pytest.mark.parametrize(
    ("queue_seconds", "fields"),
    [
        pytest.param(0.5, {}, id="queue_timeout_seconds"),
        pytest.param(60, {"timeout_ms": "500"}, id="timeout_ms"),
    ],
)
def test_what_expires_in_the_queue_is_never_read(
    queue_seconds: float,
    fields: dict[str, str],
    serve: Serve,
    clients: ThreadPoolExecutor,
    gate: Path,
) -> None:
    server = serve(number=1, queue_timeout_seconds=queue_seconds, timeout_seconds=20)
    (holding,) = busy(server, clients, gate, 1)
    started = time.monotonic()
    late = server.upload(card("too late"), **fields)
    assert 0.5 <= time.monotonic() - started < 2
    assert (late.status, late.code) == (504, "queue_timeout")
    assert waiting(server) == 0
    gate.unlink()
    assert holding.result(20).status == 200
    assert server.upload(card("in time")).status == 200
    assert server.begun("too late") == 0
