"""Servers for the fault tests; after every fault of docs/reliability.md the invariant holds.

Each test has the number of its row: @pytest.mark.faults(7). `pytest -m faults -v` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.cards import card
from tests.support.checkout import IMAGES
from tests.support.faulty_server import NUMBER, Serve, prepare
from tests.support.invariant import Invariant
from tests.support.live_server import LiveServer
from tests.support.server_process import ServerProcess
from tests.support.slow_clients import Outcome, outcome

KNOWN_CARD = card("an image that every fault leaves alone")
KNOWN_PAGE = IMAGES / "sign_en_parking.png"
PATIENT_SECONDS = 30


@pytest.fixture(scope="session")
def _fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invariant]:
    with prepare(tmp_path_factory.mktemp("fakes"), fakes=True) as server:
        yield Invariant.of(server, KNOWN_CARD, NUMBER)


@pytest.fixture(scope="session")
def _models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invariant]:
    folder = tmp_path_factory.mktemp("models")
    with prepare(folder, fakes=False, timeout_seconds=PATIENT_SECONDS) as server:
        yield Invariant.of(server, KNOWN_PAGE.read_bytes(), NUMBER)


@pytest.fixture(scope="session")
def _patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invariant]:
    folder = tmp_path_factory.mktemp("patient")
    with prepare(folder, fakes=True, timeout_seconds=PATIENT_SECONDS) as server:
        yield Invariant.of(server, KNOWN_CARD, NUMBER)


@pytest.fixture(scope="session")
def _spacious_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("spacious")
    with LiveServer(folder, number=1, queue_size=2, max_body_mb=20) as server:
        yield server


@pytest.fixture
def spacious(_spacious_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server in this process that accepts bodies of 20 MB."""
    _spacious_server.clear()
    yield _spacious_server
    _spacious_server.check_whole()


@pytest.fixture
def fakes(_fakes: Invariant) -> Iterator[ServerProcess]:
    """A server with two Obedient workers; the invariant holds after the test."""
    before = _fakes.again()
    yield before.server
    before.check()


@pytest.fixture
def patient(_patient: Invariant) -> Iterator[ServerProcess]:
    """Like fakes, but with longer timeouts, so that tests have time to prepare their fault."""
    before = _patient.again()
    yield before.server
    before.check()


@pytest.fixture
def models(_models: Invariant) -> Iterator[ServerProcess]:
    """A server with two workers and the real models; the invariant holds after the test."""
    before = _models.again()
    yield before.server
    before.check()


@pytest.fixture(scope="session", autouse=True)
def slow_clients(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[Outcome] | None]:
    """Half a minute of slow clients on their own server, while other tests run."""
    if not any("slow_clients.py" in item.nodeid for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("slow")
    with prepare(folder, fakes=True) as server, ThreadPoolExecutor(1) as background:
        yield background.submit(outcome, Invariant.of(server, KNOWN_CARD, NUMBER))


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """A function that starts a server with fakes and the given settings, see prepare().

    The invariant holds after the test if the server still runs.
    """
    with ExitStack() as stack:
        started: list[Invariant] = []

        def start(**settings: Any) -> ServerProcess:
            folder = tmp_path_factory.mktemp("own")
            server = stack.enter_context(prepare(folder, fakes=True, **settings))
            number = settings.get("number", NUMBER)
            started.append(Invariant.of(server, KNOWN_CARD, number))
            return server

        yield start
        for invariant in started:
            if invariant.server.is_running:
                invariant.check()


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    """A thread pool for concurrent clients."""
    with ThreadPoolExecutor(32) as pool:
        yield pool
