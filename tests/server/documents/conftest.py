"""A server with fakes that reads documents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.live_server import LiveServer

SYNC_PAGES = 5


@pytest.fixture(scope="module")
def _documents_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    settings = {
        "documents": {
            "page_seconds": 6,
            "sync_pages": SYNC_PAGES,
            "max_pages": 40,
            "max_body_mb": 12,
        }
    }
    folder = tmp_path_factory.mktemp("documents")
    with LiveServer(folder, number=2, queue_size=100, more=settings) as server:
        yield server


@pytest.fixture
def documents(_documents_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """Two obedient workers; whole again after every test."""
    _documents_server.clear()
    yield _documents_server
    _documents_server.check_whole()
