"""Rows 12 and 17, as far as they count what is done in a time: no other test runs meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import time

import pytest

from tests.faults.test_load import upload
from tests.faults.test_worker_life import KILL_EVERY_SECONDS, load, warm_workers
from tests.support.arrivals import arrival_times, closed_loop, open_loop, run
from tests.support.cards import card
from tests.support.faulty_server import NUMBER, TASK_SECONDS, Serve
from tests.support.server_process import ServerProcess
from tests.support.watching import rss_mb, wait_until

OVERLOAD = 4
MOST_LATE = 0.05


@pytest.fixture(scope="session")
def slow_clients() -> None:
    """None while these tests run."""


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.faults(12)
def test_workers_are_killed_all_the_time(patient: ServerProcess) -> None:
    chance = random.Random(12)
    killed = 0
    end = time.monotonic() + 8
    with load(patient, lambda number: f"take 0.05 chaos {number}") as answers:
        while time.monotonic() < end:
            wait_until(lambda: warm_workers(patient), "a worker to kill")
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(chance.choice(warm_workers(patient)), signal.SIGKILL)
                killed += 1
            time.sleep(KILL_EVERY_SECONDS)
    assert killed >= 10
    assert len(answers) > 40  # 64 on a slow machine, where a start takes most of the time
    for text, reply in answers:
        assert (reply.status, reply.text) == (200, text)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.faults(17)
def test_four_times_more_than_can_be_read(serve: Serve) -> None:
    queue_seconds = 1.0
    server = serve(queue_size=200, queue_timeout_seconds=queue_seconds)
    requests = (upload(card(f"take 0.05 {each}")) for each in itertools.count())
    peak_seconds, seconds = 2.0, 6.0
    at_peak = run(
        server.port, lambda client: closed_loop(client, requests, 4 * NUMBER, peak_seconds)
    )
    peak = len(at_peak.answers) / peak_seconds
    memory = rss_mb(server.pid)
    started = time.monotonic()
    times = arrival_times(OVERLOAD * peak, seconds)
    overload = run(server.port, lambda client: open_loop(client, requests, times, seconds))
    elapsed = time.monotonic() - started
    assert not overload.lost
    accepted = [each for each in overload.answers if each.status != 503]
    refused = [each for each in overload.answers if each.status == 503]
    print(f"peak {peak:.1f}/s, then {len(overload.good) / elapsed:.1f}/s, {len(refused)} refused")
    assert max(each.seconds for each in accepted) < queue_seconds + TASK_SECONDS
    late = [each.outcome for each in accepted if each.status != 200]
    assert set(late) <= {"504 queue_timeout"}
    assert len(late) <= MOST_LATE * len(accepted), f"{len(late)} of {len(accepted)}"
    assert {each.outcome for each in refused} == {"503 queue_full"}
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)
    assert len(overload.good) / elapsed >= 0.7 * peak
    assert rss_mb(server.pid) < memory + 20
