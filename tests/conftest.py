"""What every test may use: servers with fakes, a gate, and a log without errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server_process import LiveServer


@pytest.fixture
def no_error_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if anything was logged as an error; a test that expects one clears it."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    errors = [record for record in records if record.levelno >= logging.ERROR]
    assert not errors, [f"{r.name}: {r.getMessage()} {r.exc_info}" for r in errors]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that `hold` cards wait for; it is removed at the end at the latest."""
    path = tmp_path / "gate"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def _wide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    from server_process import LiveServer

    with LiveServer(tmp_path_factory.mktemp("wide"), number=2, queue_size=100) as server:
        yield server


@pytest.fixture(scope="session")
def _narrow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    from server_process import LiveServer

    with LiveServer(tmp_path_factory.mktemp("narrow"), number=1, queue_size=2) as server:
        yield server


@pytest.fixture
def wide(_wide_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with two obedient workers; whole again after every test."""
    _wide_server.clear()
    yield _wide_server
    _wide_server.check_whole()


@pytest.fixture
def narrow(_narrow_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with one obedient worker, and room for two pictures to wait."""
    _narrow_server.clear()
    yield _narrow_server
    _narrow_server.check_whole()
