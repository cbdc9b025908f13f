"""Rows 121 to 123: poison, messages of other versions, and nodes with other models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import pytest
from kombu import Connection
from redis import Redis as Client

from ocr_cluster.members import LOST_NODES
from ocr_cluster.message import Message, encode
from ocr_cluster.packing import unpack
from ocr_cluster.queues import DEAD_QUEUE, READ_QUEUE, celery_body, celery_headers
from ocr_cluster.scripts import MAX_DEATHS
from ocr_cluster.work import task_name, work_of
from ocr_engine.options import RecognitionOptions
from tests.support.cards import card
from tests.support.clusters import Cluster, frozen
from tests.support.http_client import Reply
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until


@pytest.fixture
def state(redis_server: Redis) -> Iterator[Client]:
    """A client of the Redis server."""
    with contextlib.closing(Client(port=redis_server.port)) as client:
        yield client


def hash_of(state: Client, name: bytes | str) -> dict[bytes, bytes]:
    return cast(dict[bytes, bytes], state.hgetall(name))


def publish(url: str, queue: str, payload: Any) -> None:
    with Connection(url, transport_options={"confirm_publish": True}) as connection:
        connection.Producer().publish(
            celery_body(payload),
            routing_key=queue,
            exchange="",
            headers=celery_headers("of-a-test"),
            content_type="application/json",
            content_encoding="utf-8",
        )


def waiting_flight(state: Client, front: ServerProcess, text: str) -> tuple[str, Future[Reply]]:
    """Upload a card that no node begins; its flight, and the pending answer."""
    waiting = ThreadPoolExecutor(1).submit(front.upload, card(text))
    found: list[bytes] = []

    def look() -> bool:
        found[:] = list(state.scan_iter(task_name("*")))
        return bool(found)

    wait_until(look, "the task of the flight")
    return found[0].decode().removeprefix(task_name("")), waiting


def test_a_message_is_small_whatever_the_options() -> None:
    options = RecognitionOptions(
        preprocess=("denoise", "stretch", "clahe", "deskew"), models="x" * 64, max_side=65_500
    )
    work = work_of("ab12cd34", "d" * 32, "e" * 64, options.fingerprint())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = Message(
        flight="0123456789ab-1234567890",
        work=work,
        options=options,
        deadline_at=1_800_000_000.123,
        user="ab12cd34",
        attempt=20,
        traceparent=trace,
    )
    assert len(encode(message)) < 1024


@pytest.mark.faults(121)
def test_an_image_that_crashes_workers_is_refused_by_all_front_ends(cluster: Cluster) -> None:
    cluster.node()
    first, second = cluster.fronts(2)
    reply = first.upload(card("crash"))
    assert (reply.status, reply.code) == (503, "worker_crashed")
    for front in (first, second):
        reply = front.upload(card("crash"))
        assert (reply.status, reply.code) == (422, "poison_input")
    assert second.upload(card("another one")).text == "another one"


@pytest.mark.faults(121)
def test_an_image_is_refused_if_only_those_nodes_were_lost_that_had_just_begun_it(
    cluster: Cluster, state: Client
) -> None:
    node = cluster.node()
    first, second = cluster.fronts(2)
    for text, others, status in (("suspicious", 0, 422), ("not alone", 1, 200)):
        with frozen(node):
            flight, waiting = waiting_flight(state, first, text)
            for number in range(MAX_DEATHS):
                state.hset(task_name(flight), f"at:node{number}", 1)
            state.hset(task_name(flight), "lost_before", 0)
            state.set(LOST_NODES, MAX_DEATHS + others)
        assert waiting.result(20).status == status
        assert second.upload(card(text)).status == status
        assert node.begun(text) == (status == 200)


@pytest.mark.faults(122)
def test_a_message_of_another_version_is_put_aside(cluster: Cluster, vhost: str) -> None:
    node = cluster.node()
    front = cluster.front()
    publish(vhost, READ_QUEUE, {"v": 9, "flight": "of-tomorrow"})
    publish(vhost, READ_QUEUE, ["not", "a", "message"])
    with Connection(vhost) as connection:
        channel = connection.channel()

        def put_aside() -> int:
            return int(channel.queue_declare(queue=DEAD_QUEUE, passive=True).message_count)

        wait_until(lambda: put_aside() == 2, "both messages in the queue for people")
    assert "of-tomorrow" not in front.output
    assert front.upload(card("afterwards")).text == "afterwards"
    assert node.output.count("is put aside") == 2


@pytest.mark.faults(123)
def test_old_and_new_nodes_do_not_mix_their_results(cluster: Cluster, state: Client) -> None:
    old = cluster.node(precision="f32")
    front = cluster.front()
    image = card("one text or none")
    assert front.upload(image).text == "one text or none"
    new = cluster.node("load_illiterate", number=2)
    texts = set()

    def has_changed() -> bool:
        reply = front.upload(image, {"Cache-Control": "no-cache"})
        texts.add(reply.text)
        return new.begun("one text or none") > 0

    wait_until(has_changed, "an image that the new node reads")
    assert texts == {"one text or none", ""}
    fields = {
        field.split(b":")[1]: unpack(data).result.json
        for name in state.scan_iter("ocr:result:*")
        for field, data in hash_of(state, name).items()
    }
    assert len(fields) == 2
    assert {b"one text or none" in stored for stored in fields.values()} == {True, False}
    old.stop()
    wait_until(lambda: front.upload(image).text == "", "the result of the new models")
    assert front.upload(image).headers["X-Cache"] == "hit"
