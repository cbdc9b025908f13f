"""POST /events/s3 on a server that watches buckets of a real S3 server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from server.objects import feed
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.object_stores import SeaweedFS
from tests.support.receivers import Receiver
from tests.support.watching import wait_until

TOKEN = "the token of the store"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NEVER = 86_400  # seconds between two listings


def watching(folder: Path, seaweedfs: SeaweedFS, **more: Any) -> LiveServer:
    """A server that reads s3://scans/in/ into s3://scans/out/."""
    storage = {
        **seaweedfs.settings,
        "watch": ["s3://scans/in/", "s3://more/"],
        "results": ["s3://texts/{bucket}/"],
        "list_seconds": NEVER,
        "events_token": TOKEN,
        **more,
    }
    return LiveServer(folder, number=2, queue_size=100, more={"storage": storage})


@pytest.fixture(scope="module")
def _server(
    tmp_path_factory: pytest.TempPathFactory, _seaweedfs: SeaweedFS
) -> Iterator[LiveServer]:
    with watching(tmp_path_factory.mktemp("watching"), _seaweedfs) as server:
        yield server


@pytest.fixture
def server(_server: LiveServer, seaweedfs: SeaweedFS, no_error_log: None) -> Iterator[LiveServer]:
    """The server, without objects."""
    _server.clear()
    yield _server
    _server.check_whole()


def event(key: str, etag: str = "", bucket: str = "scans", **more: Any) -> dict[str, Any]:
    """An event of one object."""
    s3 = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "eTag": etag}}
    record = {"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": s3, **more}
    return {"Records": [record]}


def post(
    server: LiveServer, message: Any, headers: Mapping[str, str] = BEARER, query: str = ""
) -> Reply:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return server.request("POST", f"/events/s3{query}", body, headers)


def result(seaweedfs: SeaweedFS, key: str) -> Any:
    return json.loads(seaweedfs.get(key, "texts"))


def test_an_object_that_is_reported_is_read(server: LiveServer, seaweedfs: SeaweedFS) -> None:
    etag = seaweedfs.put("in/a b.png", card("reported"))
    reply = post(server, event("in/a b.png", etag))
    assert (reply.status, reply.json["status"]) == (202, "accepted")
    assert reply.json["objects"] == {"accepted": 1, "ignored": 0}
    key = "scans/in/a b.png.json"
    wait_until(lambda: seaweedfs.keys(bucket="texts") == [key], "the result")
    found = result(seaweedfs, key)
    assert (found["key"], found["etag"], found["data"]["text"]) == ("in/a b.png", etag, "reported")


def test_a_request_can_wait_until_the_objects_are_finished(
    server: LiveServer, seaweedfs: SeaweedFS
) -> None:
    seaweedfs.put("in/waits.png", card("waits"))
    seaweedfs.put("in/waits too.png", b"no image")
    message = event("in/waits.png")
    message["Records"] += event("in/waits too.png")["Records"] + event("in/lost.png")["Records"]
    reply = post(server, message, query="?wait=20")
    assert (reply.status, reply.json["status"]) == (200, "success")
    assert reply.json["states"] == {"pending": 0, "done": 1, "failed": 1, "gone": 1}
    error = result(seaweedfs, "scans/in/waits too.png.error.json")
    assert (error["status"], error["error"]["code"]) == ("error", "unsupported_format")


def test_a_request_waits_no_longer_than_it_says(
    server: LiveServer, seaweedfs: SeaweedFS, gate: Path
) -> None:
    seaweedfs.put("in/held.png", card(f"hold {gate}"))
    reply = post(server, event("in/held.png"), query="?wait=0.1")
    assert (reply.status, reply.json["states"]["pending"]) == (202, 1)
    gate.unlink()
    assert post(server, event("in/held.png"), query="?wait=20").status == 200


def test_the_same_event_again_reads_nothing_again(server: LiveServer, seaweedfs: SeaweedFS) -> None:
    etag = seaweedfs.put("in/once.png", card("once"))
    for message in (event("in/once.png", etag), event("in/once.png")):
        for _ in range(3):
            assert post(server, message, query="?wait=20").json["states"]["done"] == 1
    assert server.begun("once") == 1
    etag = seaweedfs.put("in/once.png", card("twice"))
    assert post(server, event("in/once.png", etag), query="?wait=20").status == 200
    assert result(seaweedfs, "scans/in/once.png.json")["data"]["text"] == "twice"


def test_objects_that_are_not_watched_are_ignored(server: LiveServer, seaweedfs: SeaweedFS) -> None:
    for key, bucket in (("out/a.png", "scans"), ("in/a.png", "texts"), ("in/../a", "scans")):
        reply = post(server, event(key, bucket=bucket))
        assert (reply.status, reply.json["objects"]) == (202, {"accepted": 0, "ignored": 1})
    deleted = event("in/a.png", eventName="ObjectRemoved:Delete")
    assert post(server, deleted).json["objects"] == {"accepted": 0, "ignored": 1}


def test_objects_of_two_buckets_with_one_key_have_two_results(
    server: LiveServer, seaweedfs: SeaweedFS
) -> None:
    for bucket in ("scans", "more"):
        seaweedfs.put("in/same.png", card(f"of {bucket}"), bucket)
        assert post(server, event("in/same.png", bucket=bucket), query="?wait=20").status == 200
    for bucket in ("scans", "more"):
        found = result(seaweedfs, f"{bucket}/in/same.png.json")
        assert (found["source"], found["data"]["text"]) == (f"s3://{bucket}", f"of {bucket}")


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"X-Api-Key": TOKEN},
        {"Authorization": "Basic " + base64.b64encode(f"events:{TOKEN}".encode()).decode()},
        {**BEARER, "Content-Type": "text/plain; charset=UTF-8"},  # as SNS sends it
    ],
    ids=["bearer", "key", "basic", "text"],
)
def test_the_token_comes_in_any_of_three_headers(
    server: LiveServer, headers: Mapping[str, str]
) -> None:
    assert post(server, {"Event": "s3:TestEvent"}, headers).json["objects"]["ignored"] == 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key_required"),
        ({"Authorization": "Basic !"}, "key_required"),
        ({"Authorization": "Bearer something else"}, "key_invalid"),
        ({"X-Api-Key": ADMIN_KEY}, "key_invalid"),
        ({"Authorization": "Basic " + base64.b64encode(b"events:wrong").decode()}, "key_invalid"),
    ],
)
def test_without_the_token_nothing_is_accepted(
    server: LiveServer, headers: Mapping[str, str], code: str
) -> None:
    reply = post(server, event("in/a.png"), headers)
    assert (reply.status, reply.code) == (401, code)


def test_a_server_without_watched_places_has_no_such_address(wide: LiveServer) -> None:
    assert post(wide, event("in/a.png")).status == 404


@pytest.mark.parametrize(
    ("message", "query", "status", "code"),
    [
        (b"{", "", 400, "bad_request"),
        (b"[" * 100_000, "", 400, "bad_request"),
        ({}, "", 400, "bad_field"),
        (event("in/a.png", eventVersion="1.0"), "", 400, "bad_field"),
        (event("in/a.png"), "?wait=61", 400, "bad_field"),
        (event("in/a.png"), "?await=1", 400, "bad_field"),
        ({"Records": ["x" * (1 << 20)]}, "", 413, "body_too_large"),
    ],
)
def test_a_mistake_has_a_status_and_a_code(
    server: LiveServer, message: Any, query: str, status: int, code: str
) -> None:
    reply = post(server, message, query=query)
    assert (reply.status, reply.code) == (status, code)


def test_the_confirmation_of_a_subscription_is_left_to_the_operator(
    server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    with Receiver() as receiver:
        message = {
            "Type": "SubscriptionConfirmation",
            "TopicArn": "arn:aws:sns:eu-central-1:123456789012:scans",
            "Token": "2336412f37fb",
            "SubscribeURL": f"http://127.0.0.1:{receiver.port}/confirm",
        }
        assert post(server, message).status == 202
        assert receiver.received == []
    assert (
        "aws sns confirm-subscription --topic-arn arn:aws:sns:eu-central-1:123456789012:scans "
        "--token 2336412f37fb" in caplog.text
    )


def test_what_is_read_is_counted_for_the_user_storage(
    server: LiveServer, seaweedfs: SeaweedFS
) -> None:
    admin = {"X-Api-Key": ADMIN_KEY}

    def counted() -> tuple[int, int]:
        usage = server.request("GET", "/usage?user=storage", headers=admin).json["usage"]
        return usage["total"]["images"], usage["total"]["errors"]

    images, errors = counted()
    seaweedfs.put("in/counted.png", card("counted"))
    seaweedfs.put("in/broken.png", b"no image")
    message = event("in/counted.png")
    message["Records"] += event("in/broken.png")["Records"]
    for _ in range(2):
        assert post(server, message, query="?wait=20").status == 200
    assert counted() == (images + 1, errors + 1)


def test_objects_that_no_event_has_reported_are_found_by_listing(
    tmp_path: Path, seaweedfs: SeaweedFS
) -> None:
    seaweedfs.put("in/before.png", card("before"))
    with watching(tmp_path, seaweedfs, list_seconds=1, format="text"):
        wait_until(lambda: seaweedfs.keys(bucket="texts"), "the first result")
        seaweedfs.put("in/after.png", card("after"))
        wait_until(lambda: len(seaweedfs.keys(bucket="texts")) == 2, "the second result")
    assert seaweedfs.get("scans/in/after.png.txt", "texts") == b"after\n"


def test_seaweedfs_itself_reports_what_is_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "AGAIN_SECONDS", NEVER)  # so that only the event can tell
    seaweedfs = SeaweedFS(token=TOKEN)
    with watching(tmp_path, seaweedfs) as server:
        seaweedfs.webhook = f"http://127.0.0.1:{server.port}/events/s3"
        with seaweedfs:
            etag = seaweedfs.put("in/a b+c.png", card("by its webhook"))
            key = "scans/in/a b+c.png.json"
            wait_until(lambda: key in seaweedfs.keys(bucket="texts"), "the result", 60)
            assert result(seaweedfs, key)["etag"] == etag
