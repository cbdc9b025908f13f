"""Row 19: SIGTERM under load, also as PID 1 and under systemd."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.main import UNREAD_SECONDS
from tests.faults.test_load import busy, waiting
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.fake_recognizers import RECITAL
from tests.support.faulty_server import NUMBER, Serve, prepare
from tests.support.greedy_clients import asking
from tests.support.http_client import Reply, upload_request
from tests.support.server_process import ServerProcess
from tests.support.watching import is_alive, wait_until, worker_processes

pytestmark = pytest.mark.faults(19)

WATCHDOG_SECONDS = 0.6


def drain_under_load(
    server: ServerProcess,
    terminate: Callable[[], None],
    clients: ThreadPoolExecutor,
    gate: Path,
) -> None:
    """SIGTERM with running and queued images: they are answered, new ones are refused."""
    holding = busy(server, clients, gate)
    texts = [f"queued {each}" for each in range(5)]
    queued = [clients.submit(server.upload, card(text)) for text in texts]
    wait_until(lambda: waiting(server) == 5, "five waiting")
    terminate()
    wait_until(lambda: server.get("/readyz").status == 503, "the drain", 1)
    readiness = server.get("/readyz")
    assert (readiness.code, int(readiness.headers["Retry-After"]) >= 1) == ("draining", True)
    refused = server.upload(card("too late"))
    assert (refused.status, refused.code) == (503, "draining")
    assert server.get("/livez").status == 200
    assert server.health()["queue"]["running"] == NUMBER
    gate.unlink()
    assert [each.result(20).status for each in holding] == [200] * NUMBER
    assert [each.result(20).text for each in queued] == texts
    assert server.wait(10) == 0
    assert server.begun("too late") == 0
    assert "Traceback" not in server.output


def test_what_was_accepted_is_answered(
    serve: Serve, clients: ThreadPoolExecutor, gate: Path
) -> None:
    server = serve(timeout_seconds=20)
    workers = worker_processes(server.pid)
    drain_under_load(server, server.terminate, clients, gate)
    assert not any(map(is_alive, workers))


def refused_or_cut_off(stuck: Future[Reply]) -> None:
    """Clients that wait for unfinished work get an error, or lose the connection."""
    with contextlib.suppress(OSError):
        reply = stuck.result(10)
        assert (reply.status, reply.code) == (503, "draining")


def force_with_a_second_sigterm(
    server: ServerProcess, terminate: Callable[[], None], clients: ThreadPoolExecutor
) -> None:
    """A second SIGTERM while an image hangs: the server does not wait for the image."""
    stuck = clients.submit(server.upload, card("spin"))
    wait_until(lambda: server.begun("spin") == 1, "the one that hangs")
    terminate()
    wait_until(lambda: server.get("/readyz").status == 503, "the drain", 1)
    terminate()
    server.wait(5)
    refused_or_cut_off(stuck)


def test_a_second_sigterm_forces(serve: Serve, clients: ThreadPoolExecutor) -> None:
    server = serve(timeout_seconds=20)
    workers = worker_processes(server.pid)
    force_with_a_second_sigterm(server, server.terminate, clients)
    assert not any(map(is_alive, workers))


_STUCK = """
import asyncio, sys, threading
sys.path.insert(0, {root!r})
from server.operations.signals import handle_signals

async def serve():
    stop, force = asyncio.Event(), asyncio.Event()
    handle_signals(stop, force, grace_seconds=3600)
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    print("stuck", flush=True)
    await stop.wait()
    print("told once", flush=True)
    await force.wait()

asyncio.run(serve())
"""


@pytest.mark.faults(43)
def test_a_second_sigterm_ends_a_server_with_a_stuck_thread() -> None:
    """A stuck thread, as when reading from a disk that does not respond, cannot be stopped."""
    code = _STUCK.format(root=str(ROOT))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "stuck\n"
            server.terminate()
            assert server.stdout.readline() == "told once\n"
            server.terminate()
            _, log = server.communicate(timeout=20)
        finally:
            server.kill()
    assert server.returncode == 1
    assert "Timeout" in log
    assert "in wait" in log


def test_the_grace_time_ends(serve: Serve, clients: ThreadPoolExecutor) -> None:
    server = serve(timeout_seconds=20, web_server={"grace_seconds": 1})
    workers = worker_processes(server.pid)
    stuck = clients.submit(server.upload, card("spin"))
    wait_until(lambda: server.begun("spin") == 1, "the one that hangs")
    started = time.monotonic()
    server.terminate()
    server.wait(10)
    assert 1 <= time.monotonic() - started < 5
    refused_or_cut_off(stuck)
    assert not any(map(is_alive, workers))


def test_a_client_that_does_not_read_its_answer_is_not_waited_for(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve()
    image = card(f"recite {tmp_path / 'a book'}")
    assert server.upload(image).text == RECITAL
    with asking(server.port, [upload_request(image)]):
        wait_until(lambda: server.health()["requests"]["bytes"] > 0, "the unread answer")
        started = time.monotonic()
        server.terminate()
        assert server.wait(20) == 0
        assert UNREAD_SECONDS <= time.monotonic() - started < 15
    assert "1 answers are not read" in server.output


def namespace_command() -> list[str]:
    """A command prefix that runs a command as PID 1 of a namespace; skips without permission."""
    rights: list[list[str]] = [[], ["--user", "--map-root-user"]]
    for more in rights:
        command = ["unshare", *more, "--pid", "--fork", "--mount-proc", "--kill-child"]
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    pytest.skip("unshare --pid is not permitted here, neither as root nor with --user")


@dataclass(frozen=True, slots=True)
class Container:
    """A server that is PID 1 of its namespace, and its pid outside of the namespace."""

    server: ServerProcess
    first: int

    def terminate(self) -> None:
        """Send SIGTERM to the server itself."""
        os.kill(self.first, signal.SIGTERM)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    prefix = namespace_command()
    with prepare(tmp_path, fakes=True, prefix=prefix, timeout_seconds=20) as server:
        (first,) = worker_processes(server.pid)
        pids = re.search(r"^NSpid:\s+(.*)$", Path(f"/proc/{first}/status").read_text(), re.M)
        assert pids is not None
        assert pids[1].split()[-1] == "1"
        wait_until(lambda: len(worker_processes(first)) == NUMBER, "all workers")
        workers = worker_processes(first)
        yield Container(server, first)
        assert not server.is_running
        assert not any(map(is_alive, workers))


def test_as_the_first_process_of_a_container(
    container: Container, clients: ThreadPoolExecutor, gate: Path
) -> None:
    drain_under_load(container.server, container.terminate, clients, gate)


def test_a_second_sigterm_forces_the_first_process_too(
    container: Container, clients: ThreadPoolExecutor
) -> None:
    force_with_a_second_sigterm(container.server, container.terminate, clients)


class Systemd:
    """The notification socket of systemd, and the received messages with their times."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.heard: list[tuple[float, str]] = []

    def has_heard(self, assignment: str) -> bool:
        """Whether this message has been received."""
        with contextlib.suppress(BlockingIOError):
            while True:
                message = self._channel.recv(4096).decode()
                self.heard += [(time.monotonic(), line) for line in message.splitlines()]
        return any(line == assignment for _, line in self.heard)

    def times(self, assignment: str) -> list[float]:
        """When this message was received."""
        return [when for when, line in self.heard if line == assignment]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        yield Systemd(channel)


def test_systemd_is_told(
    systemd: Systemd, tmp_path: Path, clients: ThreadPoolExecutor, gate: Path
) -> None:
    environment = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
    }
    server = prepare(
        tmp_path,
        fakes=True,
        load="load_obedient_when_told",
        environment=environment,
        timeout_seconds=20,
    )
    server.start()  # its workers load when the gate is gone
    try:
        assert server.get("/livez").status == 200
        wait_until(lambda: len(server.health()["workers"]) == NUMBER, "loading workers")
        assert not systemd.has_heard("READY=1")
        gate.unlink()
        wait_until(lambda: systemd.has_heard("READY=1"), "READY=1")
        assert server.get("/readyz").status == 200
        wait_until(lambda: len(warm_workers(server)) == NUMBER, "warm workers")
        assert not systemd.has_heard("STOPPING=1")
        wait_until(lambda: len(feedings(systemd)) >= 6, "a watchdog that is fed")
        pauses = [later - earlier for earlier, later in itertools.pairwise(feedings(systemd))]
        assert statistics.median(pauses) < WATCHDOG_SECONDS  # one may be longer on a busy machine
        gate.touch()
        drain_under_load(server, server.terminate, clients, gate)
        assert systemd.has_heard("STOPPING=1")
    finally:
        server.__exit__(None, None, None)


def feedings(systemd: Systemd) -> list[float]:
    """The times of the watchdog's keep-alives."""
    systemd.has_heard("WATCHDOG=1")
    return systemd.times("WATCHDOG=1")


def warm_workers(server: ServerProcess) -> list[int]:
    """The idle workers that are ready."""
    return [each["pid"] for each in server.health()["workers"] if each["state"] == "ready"]
