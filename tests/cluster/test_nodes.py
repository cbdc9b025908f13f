"""Rows 113, 114 and 118: nodes are killed or frozen, or take a message along."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from tests.support.cards import card
from tests.support.clusters import Cluster, frozen, kill_node
from tests.support.rabbitmq import RabbitMQ
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

AGAIN_SECONDS = 30.0  # for another node to begin; make clusterload measures how long it takes

Parts = tuple[ServerProcess, list[ServerProcess]]


@pytest.fixture(scope="module", params=["rabbitmq", "redis"])
def parts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parts]:
    """A front end and two nodes, on each of the brokers; the last test kills one of the nodes."""
    with Redis() as server, contextlib.ExitStack() as stack:
        broker = server.url(1)
        if request.param == "rabbitmq":
            rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq_of_all")
            broker = rabbitmq.create_vhost()
        folder = tmp_path_factory.mktemp("nodes")
        cluster = stack.enter_context(Cluster(folder, broker, server.url()))
        nodes = cluster.nodes(2)
        yield cluster.front(), nodes


def begin(
    parts: Parts, clients: ThreadPoolExecutor, text: str
) -> tuple[Future[str], ServerProcess, ServerProcess]:
    """Upload a card; the pending answer, the node that reads it, and the other one."""
    front, nodes = parts
    waiting = clients.submit(lambda: front.upload(card(text)).text)
    wait_until(lambda: any(node.begun(text) for node in nodes), "its start")
    reads, other = sorted(nodes, key=lambda node: -node.begun(text))
    return waiting, reads, other


@pytest.mark.faults(114)
def test_a_node_is_frozen_while_it_reads(
    parts: Parts, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"hold {gate} frozen"
    waiting, reads, other = begin(parts, clients, text)
    with frozen(reads):
        wait_until(lambda: other.begun(text) == 1, "its start elsewhere", AGAIN_SECONDS)
        gate.unlink()
        assert waiting.result(20) == text
    wait_until(lambda: reads.health()["queue"]["running"] == 0, "the end of the first attempt")
    assert parts[0].upload(card("afterwards")).text == "afterwards"


@pytest.mark.faults(113)
def test_a_node_is_killed_while_it_reads(
    parts: Parts, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"hold {gate} killed"
    waiting, reads, other = begin(parts, clients, text)
    kill_node(reads)
    wait_until(lambda: other.begun(text) == 1, "its start elsewhere", AGAIN_SECONDS)
    gate.unlink()
    assert waiting.result(20) == text
    assert parts[0].upload(card(text)).headers["X-Cache"] == "hit"


@pytest.mark.faults(118)
def test_a_node_dies_with_a_message_that_redis_no_longer_has(
    tmp_path: Path, redis_server: Redis, clients: ThreadPoolExecutor
) -> None:
    with Cluster(tmp_path, redis_server.url(1), redis_server.url()) as cluster:
        node = cluster.node()
        front = cluster.front()
        with frozen(node):  # it takes what is put into the queue in the next second
            thief = clients.submit(take_message, redis_server)
            waiting = clients.submit(front.upload, card("taken along"))
            assert thief.result(20) == b"ocr"
        assert waiting.result(30).text == "taken along"


def take_message(server: Redis) -> bytes:
    """What a worker of Celery does before it dies: BRPOP, and no entry in `unacked`."""
    with redis.Redis(port=server.port, db=1) as client:
        found = client.brpop(["ocr"], timeout=20)
        assert isinstance(found, list | tuple)
        return bytes(found[0])
