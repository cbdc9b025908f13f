"""Row 125: limits that front ends share in Redis, while it is killed and frozen."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from tests.support.cards import card
from tests.support.databases import postgresql
from tests.support.postgresql import PostgreSQL
from tests.support.redis_server import Redis, redis_server
from tests.support.server_process import ServerProcess
from tests.support.user_keys import add_key
from tests.support.watching import wait_until

__all__ = ["postgresql", "redis_server"]

PER_MINUTE = 40
IMAGE = card("an image that is read once")
_numbers = itertools.count(1)


class FrontEnds:
    """Two servers with one PostgreSQL and one Redis."""

    def __init__(self, location: Location, servers: list[ServerProcess]) -> None:
        self.location = location
        self.servers = servers

    def state(self) -> set[str]:
        """How the servers find Redis."""
        return {each.health()["cluster"]["state"]["state"] for each in self.servers}

    def statuses(self, number: int, headers: dict[str, str]) -> Counter[int]:
        """Send so many requests to the servers in turn, at the same time; their statuses."""
        with ThreadPoolExecutor(10) as clients:
            sent = [
                clients.submit(self.servers[each % 2].upload, IMAGE, headers)
                for each in range(number)
            ]
            return Counter(future.result().status for future in sent)


@pytest.fixture
def front_ends(postgresql: PostgreSQL, redis_server: Redis, tmp_path: Path) -> Iterator[FrontEnds]:
    """Two servers behind one proxy, as far as addresses are concerned."""
    location = locate(postgresql.create_database(f"limits{next(_numbers)}"), tmp_path)
    upgrade(location)
    settings: dict[str, Any] = {
        "web_server": {"trusted_proxies": ["127.0.0.1"]},
        "limits": {"address_per_minute": PER_MINUTE},
        "database": {"url": location.url.replace("+psycopg", "")},
        "cluster": {"state_url": redis_server.url()},
        "ocr": {"process": {"number": 1}},
    }
    with ExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            servers.append(stack.enter_context(ServerProcess(folder, settings, fakes=True)))
        yield FrontEnds(location, servers)


def near(accepted: int, limit: int) -> bool:
    """Whether so many were accepted; a few more if a minute has ended meanwhile."""
    return limit <= accepted <= limit + 3


@pytest.mark.faults(125)
def test_addresses_and_keys_have_one_limit_on_all_front_ends(front_ends: FrontEnds) -> None:
    key = add_key(front_ends.location, rate_per_minute=PER_MINUTE // 2)
    from_one_address = front_ends.statuses(100, {"X-Forwarded-For": "192.0.2.1"})
    assert near(from_one_address[200], PER_MINUTE)
    assert from_one_address[429] == 100 - from_one_address[200]
    with ThreadPoolExecutor(10) as clients:
        answers = [
            clients.submit(
                front_ends.servers[number % 2].upload,
                IMAGE,
                {"X-Forwarded-For": f"198.51.100.{number}", **key},
            )
            for number in range(60)
        ]
    counts = Counter(each.result().status for each in answers)
    assert near(counts[200], PER_MINUTE // 2)
    assert counts[429] == 60 - counts[200]


@pytest.mark.faults(125)
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_without_redis_each_front_end_has_limits_of_its_own(
    front_ends: FrontEnds, redis_server: Redis, how: str
) -> None:
    wait_until(lambda: front_ends.state() == {"open"}, "servers that know Redis")
    if how == "killed":
        redis_server.kill()
    else:
        redis_server.freeze()
    wait_until(lambda: front_ends.state() == {"unavailable"}, "servers that miss it")
    alone = front_ends.statuses(150, {"X-Forwarded-For": "192.0.2.1"})
    assert near(alone[200], 2 * PER_MINUTE)
    assert alone[429] == 150 - alone[200]
    redis_server.make_whole()
    wait_until(lambda: front_ends.state() == {"open"}, "servers that have it back")
    together = front_ends.statuses(100, {"X-Forwarded-For": "192.0.2.2"})
    assert near(together[200], PER_MINUTE)
