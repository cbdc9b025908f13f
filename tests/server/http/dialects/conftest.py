"""A server that speaks all dialects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.live_server import LiveServer

BODY_MB = 4.0


@pytest.fixture(scope="session")
def _fluent_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("fluent")
    web_server = {"dialects": ["all"], "max_body_mb": BODY_MB}
    with LiveServer(folder, 2, 100, more={"web_server": web_server}) as server:
        yield server


@pytest.fixture
def fluent(_fluent_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with two workers and all dialects; whole again after every test."""
    _fluent_server.clear()
    yield _fluent_server
    _fluent_server.check_whole()
