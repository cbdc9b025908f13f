"""What a hostile tester found: streams, erasing, repeated requests, revoked and purged keys."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from server.http.handlers import job_events
from server.jobs import idempotency
from tests.support.cards import card
from tests.support.http_client import Reply, image_part, multipart
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.watching import wait_until

ADMIN = {"X-Api-Key": ADMIN_KEY}


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("hostile"), number=1, queue_size=50) as server:
        yield server


@pytest.fixture
def server(_server: LiveServer) -> Iterator[LiveServer]:
    _server.clear()
    yield _server
    _server.check_whole()


def new_key(server: LiveServer, **fields: Any) -> tuple[str, dict[str, str]]:
    """The id of a new key, and its header."""
    reply = server.request(
        "POST",
        "/admin/keys",
        json.dumps({"label": "a test", **fields}).encode(),
        {**ADMIN, "Content-Type": "application/json"},
    )
    assert reply.status == 201, reply.body
    return reply.json["key"]["id"], {"X-Api-Key": reply.json["secret"]}


def revoke(server: LiveServer, key_id: str) -> None:
    assert server.request("DELETE", f"/admin/keys/{key_id}", None, ADMIN).status == 204


def job(server: LiveServer, text: str, headers: dict[str, str]) -> str:
    reply = server.upload(card(text), headers, block_flag="false")
    assert reply.status == 202, reply.body
    return str(reply.json["job"]["url"])


def ended(server: LiveServer, url: str, headers: dict[str, str]) -> Reply:
    return server.get(f"{url}?wait=20", headers)


def is_waited_for(server: LiveServer) -> bool:
    """Whether somebody waits for a job."""
    durable = server.context.jobs._durable
    assert durable is not None
    return bool(durable._notices.watched())


def left(server: LiveServer, headers: dict[str, str]) -> int:
    """What is left of the daily quota."""
    return int(server.get("/usage", headers).json["usage"]["left_today"])


@pytest.mark.parametrize("last", ["9" * 5000, "99", "-1", "٣", "x"])
def test_an_odd_last_event_id_hides_no_end(server: LiveServer, last: str) -> None:
    url = job(server, f"odd id {len(last)}{last[:2].encode().hex()}", {})
    ended(server, url, {})
    reply = server.get(f"{url}/events", {"Last-Event-ID": last.encode().decode("latin-1")})
    assert (reply.status, b"event: end" in reply.body) == (200, True)


def test_one_user_cannot_take_all_streams(
    server: LiveServer, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "MAX_STREAMS_PER_USER", 1)
    _, ann = new_key(server)
    url = job(server, f"hold {gate} streams", ann)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
        head = (
            f"GET {url}/events HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {ann['X-Api-Key']}\r\n\r\n"
        )
        stream.sendall(head.encode())
        assert b"200 OK" in stream.recv(100)
        refused = server.get(f"{url}/events", ann)
        assert (refused.status, refused.code) == (503, "queue_full")
        other = job(server, "of another user", {})
        gate.unlink()
        ended(server, other, {})
        assert server.get(f"{other}/events").status == 200


@pytest.mark.parametrize("path", ["?wait=20", "/events"])
def test_a_revoked_key_gets_nothing_when_its_wait_ends(
    server: LiveServer, gate: Path, path: str
) -> None:
    key_id, ann = new_key(server)
    text = f"hold {gate} revoked {path}"
    url = job(server, text, ann)
    wait_until(lambda: server.begun(text) == 1, "its start")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.get, url + path, ann)
        wait_until(lambda: server.call(lambda: is_waited_for(server)), "the wait")
        revoke(server, key_id)
        wait_until(lambda: server.get("/jobs", ann).status == 401, "the revocation")
        gate.unlink()
        reply = waiting.result(30)
    assert b"event: end" not in reply.body
    assert b'"text"' not in reply.body


def test_one_of_many_erasures_deletes_the_job(server: LiveServer) -> None:
    url = job(server, "erased by many", {})
    ended(server, url, {})
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: server.request("DELETE", f"{url}?erase=true").status, range(10))
        )
    assert sorted(answers) == [204, *[404] * 9]


def test_erasing_a_result_also_erases_the_kept_replies(server: LiveServer) -> None:
    _, ann = new_key(server)
    image = card("to be erased")
    first = {**ann, "Idempotency-Key": "erased"}
    server.upload(image, first)
    assert server.upload(image, first).headers["Idempotent-Replayed"] == "true"
    md5 = hashlib.md5(image).hexdigest()
    assert server.request("DELETE", f"/results/{md5}", None, ann).status == 204
    again = server.upload(image, first)
    assert "Idempotent-Replayed" not in again.headers
    assert again.headers["X-Cache"] == "miss"


def test_a_very_large_reply_is_not_kept(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_REPLY_BYTES", 10)
    headers = {"Idempotency-Key": "large"}
    assert server.upload(card("a large reply"), headers).status == 200
    again = server.upload(card("a large reply"), headers)
    assert (again.status, again.headers["X-Cache"]) == (200, "hit")
    assert "Idempotent-Replayed" not in again.headers


def test_a_repeated_request_counts_once(server: LiveServer) -> None:
    _, ann = new_key(server, daily_quota=1000)
    before = left(server, ann)
    for _ in range(5):
        server.upload(card("repeated"), {**ann, "Idempotency-Key": "once"})
    assert before - left(server, ann) == 1


def test_a_job_that_fails_by_our_fault_gives_its_place_back(server: LiveServer) -> None:
    _, ann = new_key(server, daily_quota=1000)
    before = left(server, ann)
    failed = ended(server, job(server, "fail", ann), ann)
    assert failed.json["job"]["error"]["code"] == "internal_error"
    assert left(server, ann) == before
    ended(server, job(server, "read", ann), ann)
    assert left(server, ann) == before - 1


def test_a_body_that_arrives_after_the_key_was_purged_leaves_nothing(server: LiveServer) -> None:
    key_id, ann = new_key(server)
    late = [
        upload_without_body(server, "/ocr?block_flag=false", ann),
        upload_without_body(server, "/ocr", {**ann, "Idempotency-Key": "late"}),
    ]
    purged = server.request("DELETE", f"/admin/keys/{key_id}?purge=true", None, ADMIN)
    assert purged.status == 204
    for connection, body in late:
        connection.sendall(body)
        with HTTPResponse(connection) as answer:
            answer.begin()
            assert answer.status == 401
        connection.close()


def upload_without_body(
    server: LiveServer, path: str, headers: dict[str, str]
) -> tuple[socket.socket, bytes]:
    """A connection that has sent the headers of a request, and the body that is still to come."""
    body, types = multipart([image_part(card("late"))])
    every = {**headers, **types, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    wait_until(lambda: server.call(lambda: server.context.open_requests) > 0, "its headers")
    return connection, body
