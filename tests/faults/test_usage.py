"""Usage and faults: each answered request is counted once, whatever is killed, away or full.

A request is known again in what was counted by the length of its body, which no other one has.
"""

from __future__ import annotations

import base64
import itertools
import random
import resource
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from tests.support.cards import card
from tests.support.databases import postgresql
from tests.support.faulty_server import fault_settings
from tests.support.http_client import KeptConnection
from tests.support.postgresql import PostgreSQL
from tests.support.server_process import START_SECONDS, ServerProcess
from tests.support.usage import USAGE, counted, database_of, journal
from tests.support.watching import wait_until

__all__ = ["postgresql"]

CLIENTS = 4
KILLS = 4
SHORTEST = 2000  # bytes; longer than every body without its padding
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Load:
    """Clients that send one image after another, until they are stopped.

    answered: the length of each body that had an answer; sent: also those that had none.
    """

    def __init__(self, server: ServerProcess) -> None:
        self.sent: list[int] = []
        self.answered: list[int] = []
        self.failed = 0
        self._server = server
        self._lengths = itertools.count(SHORTEST)
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._send, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _send(self, client: int) -> None:
        headers = {"Content-Type": "application/json"}
        for number in itertools.count():
            if self._stop.is_set():
                return
            body = self._body(f"{client} {number // 4}")  # three of four are cached
            try:
                with KeptConnection(self._server.port) as connection:
                    reply = connection.request("POST", "/ocr", body, headers)
            except (OSError, HTTPException):
                self.failed += 1
                self._stop.wait(0.02)  # it is down
                continue
            if reply.status == 200:
                self.answered.append(len(body))

    def _body(self, text: str) -> bytes:
        with self._lock:
            length = next(self._lengths)
            self.sent.append(length)
        body = b'{"image": "%b"}' % base64.b64encode(card(text))
        return body.ljust(length)


def serving(folder: Path, **settings: Any) -> ServerProcess:
    (folder / "images").mkdir()
    values = {**fault_settings(folder), **USAGE, **settings}
    return ServerProcess(folder, values, fakes=True, arguments=["--access-log-level", "WARNING"])


def check(load: Load, location: Location) -> None:
    """Each answered request is counted, and none twice: as an event, and in the sums."""
    events, sums = counted(location)
    lengths = Counter(event.bytes for event in events)
    assert set(load.answered) - set(lengths) == set(), "lost"
    assert [length for length, count in lengths.items() if count > 1] == [], "twice"
    assert set(lengths) <= set(load.sent)
    good = [event for event in events if not event.code]
    assert sum(day.images for day in sums) == len(good) >= len(load.answered)
    assert sum(day.bytes for day in sums) == sum(event.bytes for event in events)
    assert sum(day.cached for day in sums) == sum(event.cached for event in good) > 0
    assert sum(day.errors for day in sums) == len(events) - len(good)


@pytest.mark.slow
@pytest.mark.faults(84)
def test_kill_9_under_load_neither_loses_nor_doubles_usage(tmp_path: Path) -> None:
    chance = random.Random(19)
    with serving(tmp_path) as server:
        load = Load(server)
        with load.running():
            for _ in range(KILLS):
                target = len(load.answered) + chance.randint(1, 400)
                wait_until(lambda: len(load.answered) >= target, "answers", 60)  # noqa: B023
                server.kill()
                server.start(server.port)
                server.wait_until_ready("/readyz", START_SECONDS)
            target = len(load.answered) + 50
            wait_until(lambda: len(load.answered) >= target, "answers after the last kill", 60)
        assert load.failed > 0
        wait_until(lambda: journal(tmp_path) == [], "an empty journal", 60)
        check(load, database_of(tmp_path))


@pytest.mark.slow
@pytest.mark.faults(84)
def test_jobs_of_a_server_that_is_killed_count_once(tmp_path: Path) -> None:
    """The event of a job is in the transaction of its end."""
    chance = random.Random(84)
    with serving(tmp_path) as server:
        urls = []
        for number in range(60):
            reply = server.upload(card(f"take 0.02 {number}"), block_flag="0")
            urls.append(reply.json["job"]["url"])
        for _ in range(KILLS):
            ended = chance.randint(1, 10) + len(counted(database_of(tmp_path))[0])
            wait_until(lambda: len(counted(database_of(tmp_path))[0]) >= min(60, ended), "ends")  # noqa: B023
            server.kill()
            server.start()
            server.wait_until_ready("/readyz", START_SECONDS)
        for url in urls:
            assert server.get(f"{url}?wait=30").json["job"]["state"] == "done"
        events, sums = counted(database_of(tmp_path))
    jobs = sorted(event.id for event in events)
    assert jobs == sorted(f"job-{url.rpartition('/')[2]}" for url in urls)
    assert sum(day.images for day in sums) == len(urls)


@pytest.mark.slow
@pytest.mark.faults(86)
def test_while_the_database_is_away_usage_waits_in_the_journal(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    url = postgresql.create_database("usage")
    location = locate(url, tmp_path)
    upgrade(location)
    with serving(tmp_path, database={"url": url}) as server:
        load = Load(server)
        with load.running():
            wait_until(lambda: len(load.answered) >= 100, "answers", 60)
            postgresql.stop()
            away = len(load.answered)
            wait_until(lambda: len(load.answered) >= away + 200, "answers without it", 60)
            waiting = {event.bytes for event in journal(tmp_path)}
            server.kill()  # and what waits survives this too
            server.start(server.port)
            server.wait_until_ready("/readyz", START_SECONDS)
            assert waiting <= {event.bytes for event in journal(tmp_path)}
            postgresql.start()
            back = len(load.answered)
            wait_until(lambda: len(load.answered) >= back + 100, "answers", 60)
        wait_until(lambda: journal(tmp_path) == [], "an empty journal", 60)
        assert len(waiting) > 100
        assert load.failed < CLIENTS * 1000
        check(load, location)


@pytest.mark.faults(87)
def test_on_a_full_disk_images_are_read_and_usage_waits_in_memory(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        load = Load(server)
        with load.running():
            wait_until(lambda: len(load.answered) >= 100, "answers", 60)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            full = len(load.answered)
            wait_until(lambda: len(load.answered) >= full + 200, "answers on a full disk", 60)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, UNLIMITED)
            room = len(load.answered)
            wait_until(lambda: len(load.answered) >= room + 100, "answers", 60)
        assert load.failed == 0
        server.terminate()  # it ships the last events
        assert server.wait() == 0
        assert journal(tmp_path) == []
        check(load, database_of(tmp_path))
