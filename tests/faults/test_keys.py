"""Keys that end, wrong keys by the thousand, and a database that is away."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from server.users.key_format import new_id, new_secret_key
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.databases import location, postgresql
from tests.support.error_replies import assert_error
from tests.support.http_client import KeptConnection
from tests.support.keys import add_key_now
from tests.support.postgresql import PostgreSQL
from tests.support.server_process import ServerProcess
from tests.support.watching import rss_mb, wait_until

__all__ = ["location", "postgresql"]

IMAGE = card("a line")
REVOKED_SECONDS = 1.0
FLOOD = 10_000


def url_of(place: Location) -> str:
    return place.url.replace("postgresql+psycopg", "postgresql")


def server_at(place: Location, folder: Path, name: str) -> ServerProcess:
    """A server that requires keys, with this database."""
    (folder / name).mkdir()
    settings = {
        "web_server": {"filename_roots": [str(folder)]},
        "access": {"required": True},
        "database": {"url": url_of(place)},
        "ocr": {"process": {"number": 1}},
    }
    return ServerProcess(folder / name, settings, fakes=True)


@pytest.fixture
def pair(location: Location, tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two servers with one database."""
    with ExitStack() as stack:
        first, second = (server_at(location, tmp_path, name) for name in ("first", "second"))
        yield stack.enter_context(first), stack.enter_context(second)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def revoke_by_command(place: Location, key_id: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "server", "keys", "revoke", key_id],
        cwd=ROOT,
        env={**os.environ, "OCR_DATABASE__URL": url_of(place)},
        check=True,
        capture_output=True,
    )


def is_refused(server: ServerProcess, key: str) -> bool:
    return server.get("/metrics", bearer(key)).status == 401


@pytest.mark.faults(73)
def test_a_key_revoked_under_load_ends_everywhere_within_a_second(
    location: Location, pair: tuple[ServerProcess, ServerProcess]
) -> None:
    record, key = add_key_now(location)
    _, other = add_key_now(location)
    stop = threading.Event()

    def load(server: ServerProcess) -> list[tuple[float, int]]:
        """The time and status of each answer."""
        answers = []
        with KeptConnection(server.port) as connection:
            while not stop.is_set():
                began = time.monotonic()
                answers.append(
                    (began, connection.request("GET", "/metrics", None, bearer(key)).status)
                )
        return answers

    for server in pair:
        assert server.upload(IMAGE, bearer(key)).status == 200
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(load, server) for server in (*pair, *pair)]
        revoke_by_command(location, record.key_id)
        revoked_at = time.monotonic()
        for server in pair:
            wait_until(functools.partial(is_refused, server, key), "401")
        stop.set()
        answers = [each for future in running for each in future.result()]
    late = [began - revoked_at for began, status in answers if status == 200]
    assert max(late) < REVOKED_SECONDS
    assert {status for _, status in answers} == {200, 401}
    for server in pair:
        assert_error(server.upload(IMAGE, bearer(key)), 401, "key_invalid")
        assert server.upload(IMAGE, bearer(other)).status == 200


@pytest.mark.faults(74)
def test_keys_in_use_go_on_while_the_database_is_away(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    place = locate(postgresql.create_database("keys_fault"), tmp_path)
    upgrade(place)
    _, used = add_key_now(place)
    _, new = add_key_now(place)
    with server_at(place, tmp_path, "server") as server:
        assert server.upload(IMAGE, bearer(used)).status == 200
        postgresql.stop()
        try:
            for _ in range(20):
                assert server.upload(IMAGE, bearer(used)).status == 200
            refused = server.upload(IMAGE, bearer(new))
            assert_error(refused, 503, "storage_unavailable")
            assert int(refused.headers["Retry-After"]) > 0
            assert_error(server.upload(IMAGE), 401, "key_required")
            assert server.get("/readyz").status == 200
        finally:
            postgresql.start()
        wait_until(lambda: server.upload(IMAGE, bearer(new)).status == 200, "the new key")
        assert server.upload(IMAGE, bearer(used)).status == 200


@pytest.mark.faults(75)
def test_a_flood_of_wrong_keys_leaves_users_alone(location: Location, tmp_path: Path) -> None:
    with server_at(location, tmp_path, "server") as server:
        check_flood(server, location)


def check_flood(server: ServerProcess, place: Location) -> None:
    record, key = add_key_now(place)
    assert server.upload(IMAGE, bearer(key)).status == 200
    kinds = (lambda: new_secret_key(new_id()), lambda: new_secret_key(record.key_id), lambda: "no")

    def flood(number: int) -> set[int]:
        statuses = set()
        with KeptConnection(server.port) as connection:
            for _ in range(FLOOD // 10):
                wrong = kinds[number % 3]()
                reply = connection.request("GET", "/metrics", None, bearer(wrong))
                statuses.add(reply.status)
        return statuses

    began = time.monotonic()
    with ThreadPoolExecutor(10) as threads:
        assert threads.submit(flood, 0).result() == {401}  # warm: memory has its size
        before = rss_mb(server.pid)
        running = [threads.submit(flood, number) for number in range(9)]
        while not all(future.done() for future in running):
            assert server.upload(IMAGE, bearer(key)).status == 200
        assert [future.result() for future in running] == [{401}] * 9
        seconds = time.monotonic() - began
    assert rss_mb(server.pid) - before < 10
    lines = re.findall(r"refused keys .*", server.output)
    assert 1 <= len(lines) <= seconds + 1  # one a second
    assert not re.search(r"ocr_\w{8}_\w", server.output)


@pytest.mark.faults(76)
def test_a_key_that_expires_during_a_long_poll(location: Location, tmp_path: Path) -> None:
    """The key is checked again when the wait ends."""
    gate = tmp_path / "gate"
    gate.touch()
    record, key = add_key_now(location)
    with server_at(location, tmp_path, "server") as server:
        held = card(f"hold {gate}")
        url = server.upload(held, bearer(key), block_flag="false").json["job"]["url"]
        with ThreadPoolExecutor(1) as threads:
            poll = threads.submit(server.get, f"{url}?wait=20", bearer(key))
            wait_until(lambda: server.begun(f"hold {gate}"), "the job is running")
            expire_now(location, record.key_id)
            wait_until(lambda: server.get(url, bearer(key)).status == 401, "the key has expired")
            assert not poll.done()
            gate.unlink()
            reply = poll.result()
        assert_error(reply, 401, "key_invalid")
        assert_error(server.get(url, bearer(key)), 401, "key_invalid")


def expire_now(place: Location, key_id: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "server", "keys", "limit", key_id, "--expires", "0s"],
        cwd=ROOT,
        env={**os.environ, "OCR_DATABASE__URL": url_of(place)},
        check=True,
        capture_output=True,
    )
