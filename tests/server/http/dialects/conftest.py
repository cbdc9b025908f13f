"""Servers that speak all dialects: one for everyone, one that requires keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from tests.support.keys import add_key_now
from tests.support.live_server import ADMIN_KEY, LiveServer

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


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Location:
    """The database of the server that requires keys."""
    found = locate(None, tmp_path_factory.mktemp("keys"))
    upgrade(found)
    return found


@pytest.fixture(scope="session")
def guarded(place: Location, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that requires keys, counts usage, and speaks all dialects."""
    more = {
        "access": {"required": True, "admin_key": ADMIN_KEY},
        "database": {"url": place.url},
        "web_server": {"dialects": ["all"]},
    }
    with LiveServer(tmp_path_factory.mktemp("guarded"), 1, 10, more=more) as server:
        yield server


@pytest.fixture(scope="session")
def key(place: Location) -> str:
    """A key that may do everything but administer."""
    return add_key_now(place)[1]
