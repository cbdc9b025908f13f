"""Rows 79 and 80: the daily quota of a key, with two servers, at midnight, and when one ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from server.database.location import Location
from server.database.tables import QUOTA_DAY, QUOTA_LEASE
from tests.support.cards import card
from tests.support.databases import location, postgresql
from tests.support.http_client import KeptConnection
from tests.support.server_process import START_SECONDS, ServerProcess
from tests.support.time_zone_files import zone_with_midnight_at
from tests.support.user_keys import add_key
from tests.support.watching import wait_until

__all__ = ["location", "postgresql"]

QUOTA = 100
CONNECTIONS = 50
REQUESTS = 400
CUT = 0  # the status of a request without an answer
SECONDS_TO_MIDNIGHT = 25
IMAGE = card("an image that is read once")
TYPE = {"Content-Type": "image/png"}

Start = Callable[..., ServerProcess]


@pytest.fixture
def start(location: Location, tmp_path: Path) -> Iterator[Start]:
    """Starts servers on this machine, with one database."""
    url = location.url.replace("+psycopg", "")
    (tmp_path / "state").mkdir(exist_ok=True)

    def begin(environment: dict[str, str] | None = None, **quota: str) -> ServerProcess:
        folder = tmp_path / f"server{len(servers)}"
        folder.mkdir()
        settings = {
            "database": {"url": url},
            "quota": quota,
            "ocr": {"process": {"number": 1, "queue_size": REQUESTS}},
        }
        state = {"XDG_STATE_HOME": str(tmp_path / "state"), **(environment or {})}
        server = ServerProcess(folder, settings, fakes=True, environment=state)
        servers.append(server)
        stack.enter_context(server)
        key = add_key(location)  # the first look-up opens the database, which can be slow
        wait_until(lambda: server.get(f"/results/{'0' * 32}", key).status == 404, "the database")
        return server

    servers: list[ServerProcess] = []
    with ExitStack() as stack:
        yield begin


def send(server: ServerProcess, key: dict[str, str], number: int) -> Counter[int]:
    """Send images over one connection; how many answers had which status."""
    statuses: Counter[int] = Counter()
    with KeptConnection(server.port) as connection:
        for _ in range(number):
            try:
                answer = connection.request("POST", "/ocr", IMAGE, {**TYPE, **key})
            except (OSError, HTTPException):
                statuses[CUT] += 1
                continue
            statuses[answer.status] += 1
            if answer.status == 429:
                assert answer.code == "quota_exceeded"
                assert int(answer.headers["Retry-After"]) > 0
    return statuses


def send_at_once(
    servers: Sequence[ServerProcess],
    key: dict[str, str],
    meanwhile: Callable[[], None] = lambda: None,
) -> Counter[int]:
    """Send REQUESTS images over CONNECTIONS connections, divided evenly among the servers."""
    each = REQUESTS // CONNECTIONS
    with ThreadPoolExecutor(CONNECTIONS) as clients:
        sent = [
            clients.submit(send, servers[number % len(servers)], key, each)
            for number in range(CONNECTIONS)
        ]
        meanwhile()
        return sum((future.result() for future in sent), Counter())


def used(location: Location) -> list[int]:
    """What is used of each day, by the database."""
    engine = create_engine(location.url)
    with engine.connect() as connection:
        days = list(
            connection.execute(select(QUOTA_DAY.c.used).order_by(QUOTA_DAY.c.day)).scalars()
        )
    engine.dispose()
    return days


def leased(location: Location) -> int:
    """How many leases there are."""
    engine = create_engine(location.url)
    with engine.connect() as connection:
        rows = len(connection.execute(select(QUOTA_LEASE)).all())
    engine.dispose()
    return rows


@pytest.mark.faults(79)
def test_of_400_requests_at_once_over_two_servers_exactly_the_quota_is_accepted(
    location: Location, start: Start
) -> None:
    servers = [start(), start()]
    key, other = (add_key(location, daily_quota=QUOTA) for _ in range(2))
    assert send_at_once(servers, key) == {200: QUOTA, 429: REQUESTS - QUOTA}
    assert used(location) == [QUOTA]
    assert send(servers[0], other, 1) == {200: 1}
    for server in servers:
        server.stop()
    assert sorted(used(location)) == [1, QUOTA] and leased(location) == 0


@pytest.mark.slow
@pytest.mark.faults(79)
def test_the_quota_begins_again_at_midnight_of_its_time_zone(
    location: Location, start: Start, tmp_path: Path
) -> None:
    midnight = int(time.time()) + SECONDS_TO_MIDNIGHT
    zone = zone_with_midnight_at(midnight, tmp_path, "Midnight")
    servers = [start(zone, timezone="Midnight") for _ in range(2)]
    key = add_key(location, daily_quota=QUOTA)
    assert send_at_once(servers, key) == {200: QUOTA, 429: REQUESTS - QUOTA}
    assert time.time() < midnight, "the machine is too slow for this test"
    wait_until(lambda: send(servers[0], key, 1)[200], "midnight", 2 * SECONDS_TO_MIDNIGHT)
    assert time.time() >= midnight
    assert send_at_once(servers, key)[200] == QUOTA - 1
    assert used(location) == [QUOTA, QUOTA]


@pytest.mark.faults(80)
def test_a_server_that_is_stopped_gives_back_what_it_has_not_used(
    location: Location, start: Start
) -> None:
    stopped, other = start(), start()
    key = add_key(location, daily_quota=QUOTA)
    first = send_at_once([stopped, other], key, stopped.terminate)
    stopped.wait()
    assert set(first) <= {200, 429, 503, CUT}
    stopped.start()
    stopped.wait_until_ready("/readyz", START_SECONDS)
    rest = send_at_once([stopped, other], key)
    assert first[200] + rest[200] == QUOTA and used(location) == [QUOTA]


@pytest.mark.faults(80)
@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "gone"])
def test_what_a_killed_server_has_answered_counts_and_nothing_else(
    location: Location, start: Start, gate: Path, restart: bool
) -> None:
    killed, other = start(), start()
    key = add_key(location, daily_quota=QUOTA)
    assert send(killed, key, 38) == {200: 38}
    with ThreadPoolExecutor(3) as clients:
        held = [card(f"hold {gate} {number}") for number in range(3)]
        cut = [clients.submit(killed.upload, image, key) for image in held]
        wait_until(lambda: killed.health()["queue"]["waiting"] == 2, "three accepted images")
        assert used(location)[0] >= 41
        killed.kill()
        for each in cut:
            with pytest.raises((OSError, HTTPException)):
                each.result(20)
    if restart:
        killed.start()
        killed.wait_until_ready("/readyz", START_SECONDS)
    rest = send_at_once([killed, other] if restart else [other], key)
    assert 38 + rest[200] == QUOTA and used(location) == [QUOTA]


@pytest.mark.slow
@pytest.mark.faults(80)
def test_a_server_killed_under_load_never_lets_too_many_through(
    location: Location, start: Start
) -> None:
    killed, other = start(), start()
    key = add_key(location, daily_quota=QUOTA)

    def kill() -> None:
        wait_until(lambda: sum(used(location)) > QUOTA // 3, "some of the quota to be used")
        killed.kill()
        killed.start()
        killed.wait_until_ready("/readyz", START_SECONDS)

    answers = send_at_once([killed, other], key, kill) + send_at_once([killed, other], key)
    assert used(location) == [QUOTA]
    assert QUOTA - CONNECTIONS // 2 <= answers[200] <= QUOTA  # answers may be lost on their way
