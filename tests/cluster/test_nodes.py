"""Rows 113, 114 and 118: nodes are killed or frozen, or take a message along."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.clusters import Cluster, frozen, kill_node
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

AGAIN_SECONDS = 12.0  # for another node to begin; the promise is 8, on a machine that is not busy


@pytest.fixture(params=["rabbitmq", "redis"])
def either(request: pytest.FixtureRequest, tmp_path: Path, redis_server: Redis) -> Cluster:
    """A cluster on each of the brokers."""
    broker = redis_server.url(1)
    if request.param == "rabbitmq":
        broker = request.getfixturevalue("vhost")
    started = Cluster(tmp_path, broker, redis_server.url())
    request.addfinalizer(lambda: started.__exit__(None, None, None))
    return started


def begun(nodes: list[ServerProcess], text: str) -> int:
    return sum(node.begun(text) for node in nodes)


@pytest.mark.faults(113)
def test_a_node_is_killed_while_it_reads(
    either: Cluster, clients: ThreadPoolExecutor, gate: Path
) -> None:
    first = either.node()
    front = either.front()
    text = f"hold {gate}"
    waiting = clients.submit(front.upload, card(text))
    wait_until(lambda: first.begun(text) == 1, "its start")
    second = either.node()
    kill_node(first)
    wait_until(lambda: second.begun(text) == 1, "its start elsewhere", AGAIN_SECONDS)
    gate.unlink()
    reply = waiting.result(20)
    assert (reply.status, reply.text) == (200, text)
    assert front.upload(card(text)).headers["X-Cache"] == "hit"


@pytest.mark.faults(114)
def test_a_node_is_frozen_while_it_reads(
    either: Cluster, clients: ThreadPoolExecutor, gate: Path
) -> None:
    first = either.node()
    front = either.front()
    text = f"hold {gate}"
    waiting = clients.submit(front.upload, card(text))
    wait_until(lambda: first.begun(text) == 1, "its start")
    second = either.node()
    with frozen(first):
        wait_until(lambda: second.begun(text) == 1, "its start elsewhere", AGAIN_SECONDS)
        gate.unlink()
        reply = waiting.result(20)
        assert (reply.status, reply.text) == (200, text)
    wait_until(lambda: first.health()["queue"]["running"] == 0, "the end of the first")
    assert front.upload(card("afterwards")).text == "afterwards"


@pytest.mark.faults(118)
def test_a_node_dies_with_a_message_that_redis_no_longer_has(
    tmp_path: Path, redis_server: Redis, clients: ThreadPoolExecutor
) -> None:
    with Cluster(tmp_path, redis_server.url(1), redis_server.url()) as cluster:
        doomed = cluster.node()
        front = cluster.front()
        doomed.kill()
        thief = _take_message(redis_server)
        began = time.monotonic()
        waiting = clients.submit(front.upload, card("taken along"))
        assert thief.result(20) == b"ocr"
        cluster.node()
        assert waiting.result(30).text == "taken along"
        assert time.monotonic() - began < 30


def _take_message(server: Redis) -> Future[bytes]:
    """What a worker of Celery does before it dies: BRPOP, and no entry in `unacked`."""
    import redis

    def take() -> bytes:
        with redis.Redis(port=server.port, db=1) as client:
            found = client.brpop(["ocr"], timeout=20)
            assert isinstance(found, list | tuple)
            return bytes(found[0])

    return ThreadPoolExecutor(1).submit(take)
