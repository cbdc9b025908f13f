"""Rows 119, 120 and 124: what two front ends share, and how users take turns over both."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from server.database.location import Location
from tests.support.cards import card
from tests.support.clusters import Cluster
from tests.support.http_client import Reply
from tests.support.pdfs import card_pdf
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.user_keys import add_key
from tests.support.watching import wait_until

Pair = tuple[ServerProcess, ServerProcess, ServerProcess]

MANY = 20


@pytest.mark.faults(119)
def test_identical_images_over_two_front_ends_are_read_once(
    pair: Pair, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node, *fronts = pair
    text = f"hold {gate} by many"
    sent = [clients.submit(fronts[n % 2].upload, card(text)) for n in range(MANY)]
    wait_until(
        lambda: sum(front.health()["requests"]["open"] for front in fronts) >= MANY,
        "all of them waiting",
    )
    gate.unlink()
    replies = [each.result(20) for each in sent]
    assert {reply.text for reply in replies} == {text}
    assert Counter(reply.headers["X-Cache"] for reply in replies) == {"miss": 1, "joined": 19}
    assert node.begun(text) == 1


@pytest.mark.faults(119)
def test_a_result_is_a_hit_on_the_other_front_end_until_it_is_erased(pair: Pair) -> None:
    node, first, second = pair
    image = card("read on one")
    path = f"/results/{hashlib.md5(image, usedforsecurity=False).hexdigest()}"
    assert first.upload(image).headers["X-Cache"] == "miss"
    reply = second.upload(image)
    assert (reply.text, reply.headers["X-Cache"]) == ("read on one", "hit")
    assert "Age" in reply.headers
    assert first.request("DELETE", path).status == 204
    wait_until(lambda: second.get(path).status == 404, "the end of the copy")
    assert second.upload(image).headers["X-Cache"] == "miss"
    assert first.get(path).json["data"]["text"] == "read on one"
    assert node.begun("read on one") == 2


@pytest.mark.faults(119)
@pytest.mark.parametrize("cache", [0, 1])
def test_a_hit_claims_nothing_whether_one_redis_or_two(
    tmp_path: Path, vhost: str, redis_server: Redis, cache: int
) -> None:
    state = redis_server.url()
    with Cluster(tmp_path, vhost, state, redis_server.url(cache)) as cluster:
        cluster.node()
        first, second = cluster.fronts(2)
        outcomes = [front.upload(card("found")).headers["X-Cache"] for front in (first, second)]
        assert outcomes == ["miss", "hit"]
        with redis.Redis.from_url(state) as client:
            assert client.keys("ocr:flight:*") == []


@pytest.mark.faults(119)
def test_whoever_wants_no_stored_result_gets_a_new_one(pair: Pair) -> None:
    node, first, second = pair
    image = card("read again")
    first.upload(image)
    for number, front in enumerate((first, second), 2):
        reply = front.upload(image, {"Cache-Control": "no-cache"})
        assert (reply.text, reply.headers["X-Cache"]) == ("read again", "miss")
        assert node.begun("read again") == number


def test_an_image_that_cannot_be_read_is_the_clients_fault_on_every_front_end(pair: Pair) -> None:
    for front in pair[1:]:
        reply = front.upload(card("broken")[:60])
        assert (reply.status, reply.code) == (422, "invalid_image")


def test_a_probe_has_a_node_read_the_known_image(pair: Pair) -> None:
    for front in pair[1:]:
        reply = front.get("/healthz?probe=1")
        assert reply.status == 200
        assert [each["outcome"] for each in reply.json["probe"]["workers"]] == ["right"]


@pytest.mark.faults(120)
def test_a_cancelled_job_is_not_begun(pair: Pair, clients: ThreadPoolExecutor, gate: Path) -> None:
    node, first, _ = pair
    texts = [f"hold {gate} {n}" for n in range(3)]
    sent = [clients.submit(first.upload, card(text)) for text in texts]
    wait_until(lambda: sum(map(node.begun, texts)) == 2, "two of them at the workers")
    job = first.upload(card("never read"), block_flag="False").json["job"]
    assert first.request("DELETE", job["url"]).status in (200, 204)
    gate.unlink()
    assert {each.result(20).text for each in sent} == set(texts)
    assert first.upload(card("the next one")).text == "the next one"
    assert node.begun("never read") == 0


@pytest.mark.faults(120)
def test_a_deadline_that_passes_in_the_queue(
    pair: Pair, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node, first, second = pair
    texts = [f"hold {gate} {n}" for n in range(3)]
    sent = [clients.submit(first.upload, card(text)) for text in texts]
    wait_until(lambda: sum(map(node.begun, texts)) == 2, "two of them at the workers")
    late = second.upload(card("too late"), timeout_ms="300")
    assert (late.status, late.code) == (504, "queue_timeout")
    gate.unlink()
    assert {each.result(20).text for each in sent} == set(texts)
    assert node.begun("too late") == 0


@pytest.mark.alone
@pytest.mark.faults(124)
def test_a_user_who_floods_both_front_ends_does_not_delay_another_one(
    pair: Pair, database: Location, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node, *fronts = pair
    flooding, single = add_key(database), add_key(database)
    texts = [f"hold {gate} {n}" for n in range(2)]
    sent = [clients.submit(fronts[0].upload, card(text), flooding) for text in texts]
    wait_until(lambda: sum(map(node.begun, texts)) == 2, "two of them at the workers")
    more = [f"take 0.25 {n}" for n in range(18)]
    sent += [
        clients.submit(fronts[n % 2].upload, card(text), flooding) for n, text in enumerate(more)
    ]
    texts += more
    wait_until(
        lambda: sum(front.health()["requests"]["in_flight"] for front in fronts) == len(texts),
        "all others waiting",
    )
    before = fronts[0].health()["cluster"]["sent"]
    one = clients.submit(fronts[0].upload, card("a single one"), single)
    wait_until(
        lambda: fronts[0].health()["cluster"]["sent"] == before + 1, "the single one in the broker"
    )
    gate.unlink()
    assert one.result(20).text == "a single one"
    assert {each.result(20).text for each in sent} == set(texts)
    order = [line.partition(" begin ")[2] for line in node.journal.read_text().splitlines()]
    earlier = order[: order.index("a single one")]
    begun_before = sum(text in earlier for text in texts)
    # of 20: those in the windows of both front ends, which are of 3 images until heartbeats tell
    # that two share the workers; two workers may begin two images in any order
    assert begun_before <= 7, begun_before


@pytest.mark.faults(124)
def test_jobs_of_both_front_ends_are_read_once_and_after_requests(
    pair: Pair, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node, *fronts = pair
    blocking = [f"hold {gate} {n}" for n in range(2)]
    sent = [clients.submit(fronts[0].upload, card(text)) for text in blocking]
    wait_until(lambda: sum(map(node.begun, blocking)) == 2, "both at the workers")
    texts = [f"job {n}" for n in range(12)]
    urls = [
        fronts[n % 2].upload(card(text), block_flag="False").json["job"]["url"]
        for n, text in enumerate(texts)
    ]
    gate.unlink()
    assert {each.result(20).text for each in sent} == set(blocking)
    replies: list[Reply] = [fronts[0].get(f"{url}?wait=20") for url in urls]
    assert [reply.text for reply in replies] == texts
    assert [node.begun(text) for text in texts] == [1] * len(texts)


@pytest.mark.faults(119)
def test_pages_of_a_document_are_read_by_nodes_and_found_on_both_front_ends(pair: Pair) -> None:
    node, *fronts = pair
    texts = ["first page", "second page", "third page"]
    pdf = card_pdf(texts)
    for front, cache in zip(fronts, ("miss", "hit"), strict=True):
        reply = front.upload(pdf, dpi="72")
        assert reply.status == 200, reply.body
        assert [page["text"] for page in reply.json["data"]["pages"]] == texts
        assert reply.headers["X-Cache"] == cache
    assert [node.begun(text) for text in texts] == [1, 1, 1]
