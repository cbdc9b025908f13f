"""POST /batch: the results of many files in one answer."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.batches import JSON, body_of, cards, encoded, post
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.jobs import NOWHERE, jobs_in
from tests.support.live_server import LiveServer
from tests.support.named_users import name_users, of
from tests.support.watching import wait_until


def batch(server: LiveServer, images: list[bytes], **fields: str) -> Reply:
    return post(server, images, "/batch", None, "files", **fields)


def texts_of(reply: Reply) -> list[Any]:
    """The text of each result, or the code of its error."""
    assert reply.status == 200, reply.body
    return [
        each["data"]["text"] if each["status"] == "success" else each["error"]["code"]
        for each in reply.json["results"]
    ]


def test_results_come_in_the_order_of_the_files(wide: LiveServer) -> None:
    texts = [f"take {0.2 if number == 0 else 0} {number}" for number in range(8)]
    reply = batch(wide, cards(*texts))
    assert list(reply.json) == ["status", "results", "elapsed_ms", "request_id"]
    assert texts_of(reply) == texts
    first = reply.json["results"][0]
    assert (list(first), first["cache"]) == (["status", "data", "cache", "md5"], "miss")


@pytest.mark.parametrize("name", ["file", "files"])
def test_the_threshold_is_that_of_boxes(narrow: LiveServer, name: str) -> None:
    reply = post(narrow, cards("options"), "/batch", None, name, threshold="0.35")
    assert "0.35" in texts_of(reply)[0]
    for fields in (
        {"threshold": "7"},
        {"threshold": "0.5", "det_db_box_thresh": "0.5"},
        {"format": "text"},
        {"webhook_url": "https://receiver.test/"},
        {"unknown": "1"},
    ):
        refused = batch(narrow, cards("options"), **fields)
        assert (refused.status, refused.code) == (400, "bad_field")


def test_bad_files_have_their_errors(narrow: LiveServer) -> None:
    large = card("large") + b"x" * (1 << 20)
    reply = batch(narrow, [b"no image", card("good"), large, card("swell") + b"batched", b""])
    assert texts_of(reply) == [
        "unsupported_format",
        "good",
        "body_too_large",
        "image_too_complex",
        "missing_file",
    ]
    assert batch(narrow, []).code == "missing_file"


def test_files_in_json(narrow: LiveServer) -> None:
    files = [encoded("one"), encoded("options", det_db_box_thresh=0.77), encoded("x", format="tsv")]
    reply = narrow.post_json({"threshold": 0.5, "files": files}, "/batch")
    one, options, other = texts_of(reply)
    assert (one, other) == ("one", "bad_field")
    assert "0.77" in options


def test_no_more_files_are_in_the_pool_than_workers_and_one(narrow: LiveServer, gate: Path) -> None:
    texts = [f"hold {gate} {number}" for number in range(6)]
    body, content_type = body_of(cards(*texts), "files")
    with socket.create_connection(("127.0.0.1", narrow.port)) as connection:
        connection.sendall(_request(body, content_type))
        wait_until(lambda: narrow.begun(texts[0]) == 1, "the first")
        wait_until(lambda: narrow.queued() == 1, "the second")
        assert narrow.call(narrow.pool.pending) == 2
        gate.unlink()
        wait_until(lambda: narrow.begun(texts[-1]) == 1, "the last")


def test_a_client_that_leaves_takes_its_waiting_files_along(narrow: LiveServer, gate: Path) -> None:
    texts = [f"hold {gate} left {number}" for number in range(6)]
    body, content_type = body_of(cards(*texts), "files")
    with socket.create_connection(("127.0.0.1", narrow.port)) as connection:
        connection.sendall(_request(body, content_type))
        wait_until(lambda: narrow.queued() == 1, "the second")
    wait_until(lambda: narrow.queued() == 0, "an empty queue")
    gate.unlink()
    narrow.check_whole()
    assert [narrow.begun(text) for text in texts] == [1, 0, 0, 0, 0, 0]


def _request(body: bytes, content_type: dict[str, str]) -> bytes:
    (media_type,) = content_type.values()
    head = f"Host: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"POST /batch HTTP/1.1\r\n{head}".encode() + body


def test_while_the_queue_is_full_a_file_waits(narrow: LiveServer, gate: Path) -> None:
    held = [narrow.send(card(f"hold {gate} {number}")) for number in range(3)]
    wait_until(lambda: narrow.queued() == 2, "a full queue")
    body, content_type = body_of(cards("waits"), "files")
    with socket.create_connection(("127.0.0.1", narrow.port)) as connection:
        connection.sendall(_request(body, content_type))
        wait_until(lambda: narrow.call(lambda: narrow.context.open_requests) == 4, "all four")
        gate.unlink()
        connection.settimeout(20)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    for each in held:
        each.close()


def test_it_works_without_a_database(narrow: LiveServer) -> None:
    with jobs_in(narrow, NOWHERE):
        assert texts_of(batch(narrow, cards("in", "memory"))) == ["in", "memory"]
        reply = batch(narrow, cards("in", "memory"), block_flag="False")
        assert (reply.status, reply.code) == (503, "storage_unavailable")


def test_with_block_flag_false_it_is_a_batch(narrow: LiveServer) -> None:
    reply = batch(narrow, [*cards("batched", "and one more"), b"bad"], block_flag="False")
    assert reply.status == 202
    url = reply.headers["Location"]
    wait_until(lambda: narrow.get(url).json["batch"]["state"] == "finished", "its end")
    assert [job["state"] for job in narrow.get(url).json["jobs"]] == ["done", "done", "failed"]
    assert narrow.get(reply.json["jobs"][0]["url"]).text == "batched"


def test_a_repeated_request_gets_the_same_answer(narrow: LiveServer) -> None:
    headers = {"Idempotency-Key": "batch", "Cache-Control": "no-cache"}
    first, second = (post(narrow, cards("replayed"), "/batch", headers, "files") for _ in range(2))
    assert first.body == second.body
    assert second.headers["Idempotent-Replayed"] == "true"
    assert narrow.begun("replayed") == 1


def test_what_another_user_sent_is_read_again(
    narrow: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_users(monkeypatch)
    for user in ("A", "B"):
        reply = post(narrow, cards("isolated", "isolated"), "/batch", of(user), "files")
        assert sorted(each["cache"] for each in reply.json["results"]) in (
            ["hit", "miss"],
            ["joined", "miss"],
        )
    assert narrow.begun("isolated") == 2


def test_nothing_is_left_of_the_memory_that_is_counted(narrow: LiveServer) -> None:
    def received() -> int:
        return narrow.call(lambda: narrow.context.inflight.received)

    values = {"files": [encoded("counted"), encoded("counted too"), {"image": "!"}]}
    for body, headers in (
        (json.dumps(values).encode(), JSON),
        body_of(cards("counted", "counted too"), "files"),
    ):
        assert narrow.request("POST", "/batch", body, headers).status == 200
        assert received() == 0
        assert narrow.request("POST", "/batch", body[:-10], headers).status == 400
        assert received() == 0
