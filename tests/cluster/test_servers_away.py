"""Rows 115 to 117: the broker, Redis or a front end is killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.clusters import Cluster
from tests.support.rabbitmq import RabbitMQ
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

BOUND = {"cluster": {"broker_seconds": 1.0}}


def reads(front: ServerProcess, text: str) -> bool:
    reply = front.upload(card(text))
    return reply.status == 200 and reply.text == text


@pytest.mark.faults(115)
def test_the_broker_is_killed(
    tmp_path: Path,
    rabbitmq: RabbitMQ,
    vhost: str,
    redis_server: Redis,
    clients: ThreadPoolExecutor,
    gate: Path,
) -> None:
    with Cluster(tmp_path, vhost, redis_server.url(), more=BOUND) as cluster:
        node = cluster.node()
        front = cluster.front()
        assert reads(front, "before")
        text = f"hold {gate}"
        running = clients.submit(front.upload, card(text))
        wait_until(lambda: node.begun(text) == 1, "its start")
        # RabbitMQ forgets a quorum queue that was declared half a second before it was killed
        wait_until(lambda: front.health()["uptime_seconds"] > 2, "queues that are written down")
        rabbitmq.kill()
        refused = front.upload(card("while it is away"))
        assert (refused.status, refused.code) == (503, "broker_unavailable")
        assert refused.headers["Retry-After"] == "5"
        job = front.upload(card("a job"), block_flag="False").json["job"]
        assert front.upload(card("before")).headers["X-Cache"] == "hit"
        gate.unlink()
        assert running.result(20).text == text
        rabbitmq.start()
        wait_until(lambda: reads(front, "when it is back"), "an answer", 90.0)
        assert front.get(f"{job['url']}?wait=20").text == "a job"


@pytest.mark.faults(116)
@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_the_redis_for_results_is_away(
    tmp_path: Path, vhost: str, redis_server: Redis, fault: str
) -> None:
    with Redis() as cache, Cluster(tmp_path, vhost, redis_server.url(), cache.url()) as cluster:
        node = cluster.node()
        front = cluster.front()
        assert reads(front, "before")
        cache.kill() if fault == "killed" else cache.freeze()
        assert front.upload(card("before")).headers["X-Cache"] == "hit"
        assert reads(front, "meanwhile")
        assert reads(front, "soon after")
        cache.make_whole()
        assert reads(front, "afterwards")
        assert node.begun("meanwhile") == 1


@pytest.mark.faults(116)
def test_the_redis_for_leases_is_killed_and_comes_back_empty(
    tmp_path: Path, vhost: str, redis_server: Redis, clients: ThreadPoolExecutor, gate: Path
) -> None:
    with Cluster(tmp_path, vhost, redis_server.url(), more=BOUND) as cluster:
        node = cluster.node(number=2)
        front = cluster.front()
        assert reads(front, "before")
        text = f"hold {gate}"
        running = clients.submit(front.upload, card(text))
        wait_until(lambda: node.begun(text) == 1, "its start")
        redis_server.kill()
        refused = front.upload(card("while it is away"))
        assert (refused.status, refused.code) == (503, "broker_unavailable")
        assert front.upload(card("before")).headers["X-Cache"] == "hit"
        redis_server.start()
        wait_until(lambda: reads(front, "when it is back"), "an answer", 90.0)
        gate.unlink()
        assert running.result(20).text == text


@pytest.mark.faults(117)
def test_a_front_end_is_killed_while_its_image_is_read(
    cluster: Cluster, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node = cluster.node()
    first, second = cluster.fronts(2)
    text = f"hold {gate}"
    lost = clients.submit(first.upload, card(text))
    wait_until(lambda: node.begun(text) == 1, "its start")
    first.kill()
    with pytest.raises((OSError, HTTPException)):
        lost.result(20)
    again = clients.submit(second.upload, card(text))
    wait_until(lambda: second.health()["requests"]["in_flight"] == 1, "the client at the other")
    gate.unlink()
    reply = again.result(20)
    assert (reply.text, reply.headers["X-Cache"]) == (text, "joined")
    assert node.begun(text) == 1


@pytest.mark.faults(117)
def test_a_front_end_is_killed_before_its_image_is_read(
    cluster: Cluster, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node = cluster.node()
    first, second = cluster.fronts(2)
    blocking = f"hold {gate}"
    sent = clients.submit(second.upload, card(blocking))
    wait_until(lambda: node.begun(blocking) == 1, "its start")
    with dropped(first):
        clients.submit(first.upload, card("claimed"))
        wait_until(lambda: first.health()["requests"]["in_flight"] == 1, "its claim")
    again = clients.submit(second.upload, card("claimed"))
    gate.unlink()
    assert sent.result(20).text == blocking
    assert again.result(20).text == "claimed"


@contextlib.contextmanager
def dropped(front: ServerProcess) -> Iterator[None]:
    """Kill a front end in the end."""
    yield
    front.kill()
