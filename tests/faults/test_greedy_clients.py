"""Rows 41, 49 and 59: clients that read no answer, or open as many connections as they can."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.conftest import KNOWN_CARD, PATIENT_SECONDS
from tests.support.cards import card
from tests.support.fake_recognizers import RECITAL
from tests.support.faulty_server import NUMBER, Serve, prepare
from tests.support.greedy_clients import asking, get, is_ended
from tests.support.http_client import upload_request
from tests.support.invariant import Invariant
from tests.support.raw_sockets import connect, received
from tests.support.server_process import ServerProcess
from tests.support.watching import descriptors, rss_mb, wait_until, worker_processes

CLIENTS = 30
MOST_GROWTH_MB = 20  # one answer has 5
PATIENCE_SECONDS = 1.0
LIVE_SECONDS = 1.0

OPEN_FILES = 96
CONNECTIONS = OPEN_FILES - 64 - 8  # with one worker
MOST_LOG_LINES = 10
MOST_CPU_SECONDS = 0.5


@pytest.fixture(scope="module")
def _impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invariant]:
    folder = tmp_path_factory.mktemp("impatient")
    patience, seconds = PATIENCE_SECONDS, PATIENT_SECONDS
    with prepare(folder, fakes=True, patience=patience, timeout_seconds=seconds) as server:
        yield Invariant.of(server, KNOWN_CARD, NUMBER)


@pytest.fixture
def impatient(_impatient: Invariant) -> Iterator[ServerProcess]:
    """A server that closes connections of clients that read nothing for PATIENCE_SECONDS."""
    before = _impatient.again()
    yield before.server
    before.check()


def by_md5(server: ServerProcess, image: bytes) -> bytes:
    return get(f"/results/{hashlib.md5(image).hexdigest()}")


def by_job(server: ServerProcess, image: bytes) -> bytes:
    url = str(server.upload(image, block_flag="0").json["job"]["url"])
    assert server.get(f"{url}?wait=20").headers["X-Job-State"] == "done"
    return get(url)


def by_upload(server: ServerProcess, image: bytes) -> bytes:
    return upload_request(image)


def by_pipelining(server: ServerProcess, image: bytes) -> bytes:
    return get("/openapi.json") * 500


@pytest.mark.faults(41)
@pytest.mark.parametrize("request_by", [by_md5, by_job, by_upload, by_pipelining])
def test_answers_that_nobody_reads(
    request_by: Callable[[ServerProcess, bytes], bytes], impatient: ServerProcess, tmp_path: Path
) -> None:
    server = impatient
    image = card(f"recite {tmp_path / 'a book'}")
    assert server.upload(image).text == RECITAL
    request = request_by(server, image)
    before = rss_mb(server.pid)
    with asking(server.port, [request] * CLIENTS) as clients:
        wait_until(lambda: descriptors(server.pid) > CLIENTS, "all connections accepted")
        most, slowest = before, 0.0
        deadline = time.monotonic() + 10 * PATIENCE_SECONDS
        while not all(map(is_ended, clients)):
            started = time.monotonic()
            assert started < deadline, "not all connections are closed"
            assert server.get("/livez").status == 200
            slowest = max(slowest, time.monotonic() - started)
            most = max(most, rss_mb(server.pid))
    print(f"the front end grew by {most - before:.1f} MiB; the slowest /livez took {slowest:.3f} s")
    assert most - before < MOST_GROWTH_MB
    assert slowest < LIVE_SECONDS
    assert server.health()["requests"] == {"open": 0, "in_flight": 0, "bytes": 0}


@pytest.mark.faults(59)
def test_one_address_has_a_limit_of_connections(serve: Serve) -> None:
    """Connections from 127.0.0.2 are another client's."""
    server = serve(limits={"address_connections": CLIENTS})
    with ExitStack() as stack:
        held = [stack.enter_context(connect(server.port)) for _ in range(CLIENTS)]
        wait_until(lambda: descriptors(server.pid) > CLIENTS, "all connections accepted")
        for _ in range(3):
            with connect(server.port) as refused:
                answer = received(refused)
            assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            assert b"\r\nRetry-After: 1\r\n" in answer
            body = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert body["error"]["code"] == "rate_limited"
            assert f"{CLIENTS} open connections" in body["error"]["message"]
        assert reached_from("127.0.0.2", server.port)
        held[0].close()
        wait_until(lambda: reached_from("127.0.0.1", server.port), "a free place")
    assert server.output.count("127.0.0.1 has too many open connections") == 1


@pytest.mark.faults(59)
def test_a_trusted_proxy_has_no_limit_of_connections(serve: Serve) -> None:
    server = serve(limits={"address_connections": 1}, web_server={"trusted_proxies": ["127.0.0.1"]})
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(connect(server.port))
        assert reached_from("127.0.0.1", server.port)


def reached_from(address: str, port: int) -> bool:
    """Whether a client with this address is answered."""
    with socket.create_connection(("127.0.0.1", port), 10, (address, 0)) as connection:
        connection.sendall(get("/livez"))
        return connection.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.faults(41)
def test_a_client_that_reads_slowly_gets_all_of_it(
    impatient: ServerProcess, tmp_path: Path
) -> None:
    server = impatient
    image = card(f"recite {tmp_path / 'a book'}")
    assert server.upload(image).text == RECITAL
    started = time.monotonic()
    with asking(server.port, [by_md5(server, image)]) as (client,):
        answer = b""
        while b'"request_id"' not in answer[-100:]:
            due = started + 1.5 * PATIENCE_SECONDS * len(answer) / len(RECITAL)
            wait_until(lambda due=due: time.monotonic() > due, "the time to read on")  # type: ignore[misc]
            piece = client.recv(200_000)
            assert piece, f"closed after {len(answer)} bytes"
            answer += piece
    assert time.monotonic() - started > 2 * PATIENCE_SECONDS
    assert RECITAL.encode() in answer


@pytest.mark.faults(41)
def test_a_client_that_leaves_in_mid_answer(patient: ServerProcess, tmp_path: Path) -> None:
    server = patient
    left = server.metric("ocr_requests_total", code="499", error="client_left")
    image = card(f"recite {tmp_path / 'a book'}")
    assert server.upload(image).text == RECITAL
    with asking(server.port, [upload_request(image)]) as (client,):
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        wait_until(lambda: server.health()["requests"]["bytes"] > len(RECITAL), "its bytes")
        assert server.health()["requests"]["open"] == 1
    empty = {"open": 0, "in_flight": 0, "bytes": 0}
    wait_until(lambda: server.health()["requests"] == empty, "nothing in progress")
    assert server.metric("ocr_requests_total", code="499", error="client_left") == left + 1


@pytest.mark.faults(49)
def test_idle_connections_that_take_every_descriptor(serve: Serve) -> None:
    server = serve(number=1, prefix=("sh", "-c", f'ulimit -n {OPEN_FILES}; exec "$@"', "sh"))
    assert server.metric("ocr_connections_max") == CONNECTIONS
    (worker,) = worker_processes(server.pid)
    lines, cpu = server.output.count("\n"), cpu_seconds(server.pid)
    with asking(server.port, [b""] * OPEN_FILES) as idle:
        wait_until(lambda: "new connections wait" in server.output, "the line that says so")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: f"worker {worker} lost" in server.output, "the loss")
        wait_until(lambda: server.output.count("ready after") == 3, "another worker ready")
        assert descriptors(server.pid) < OPEN_FILES - 8
        assert server.output.count("\n") - lines < MOST_LOG_LINES
        assert cpu_seconds(server.pid) - cpu < MOST_CPU_SECONDS
        assert not any(map(is_ended, idle))
        with connect(server.port) as honest:
            honest.sendall(get("/livez"))
            for each in idle:
                each.close()
            assert honest.recv(100).startswith(b"HTTP/1.1 200")
    assert server.upload(card("with descriptors again")).status == 200
    assert "Traceback" not in server.output


def cpu_seconds(pid: int) -> float:
    """What a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
