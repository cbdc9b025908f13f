"""What the files of a batch take of quotas and limits, and how they are counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.batches import cards, encoded, post
from tests.support.cards import card
from tests.support.faulty_server import fault_settings
from tests.support.http_client import Reply
from tests.support.server_process import ServerProcess
from tests.support.usage import database_of
from tests.support.user_keys import add_key
from tests.support.watching import wait_until

QUOTA = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with keys and small limits."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "images").mkdir()
    settings = {
        **fault_settings(folder),
        "access": {"required": True},
        "jobs": {"max_per_user": 8, "max_batch_files": 12, "max_batch_mb": 1},
    }
    with ServerProcess(folder, settings, fakes=True) as found:
        yield found


def key(server: ServerProcess, **limits: Any) -> dict[str, str]:
    return add_key(database_of(server.folder), **limits)


def left(server: ServerProcess, headers: dict[str, str]) -> int:
    """What is left of the quota."""
    return int(server.get("/usage", headers).json["usage"]["left_today"])


def total(server: ServerProcess, headers: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/usage", headers).json["usage"]["total"]
    return found


def wait_for_end(server: ServerProcess, reply: Reply, headers: dict[str, str]) -> None:
    assert reply.status == 202, reply.body
    url = reply.headers["Location"]
    wait_until(lambda: server.get(url, headers).json["batch"]["state"] == "finished", "its end")


@pytest.mark.parametrize("path", ["/batches", "/batch"])
def test_each_file_counts_towards_the_quota(server: ServerProcess, path: str) -> None:
    user = key(server, daily_quota=QUOTA)
    assert post(server, cards(*"abcdefg"), path, user).status in (200, 202)
    assert left(server, user) == QUOTA - 7
    refused = post(server, cards(*"hijk"), path, user)
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert left(server, user) == QUOTA - 7
    assert post(server, cards(*"lmn"), path, user).status in (200, 202, 503)


def test_an_error_of_the_server_is_given_back(server: ServerProcess) -> None:
    user = key(server, daily_quota=QUOTA)
    reply = post(server, [card("good"), card("fail"), b"bad"], "/batch", user)
    assert [each["status"] for each in reply.json["results"]] == ["success", "error", "error"]
    assert left(server, user) == QUOTA - 2


@pytest.mark.parametrize("path", ["/batches", "/batch"])
def test_files_are_counted_in_the_usage(server: ServerProcess, path: str) -> None:
    user = key(server)
    reply = post(server, [*cards("one", "two", "two"), b"bad", b""], path, user)
    if path == "/batches":
        wait_for_end(server, reply, user)
    wait_until(lambda: total(server, user)["errors"] == 2, "the counts")
    found = total(server, user)
    assert (found["images"], found["pages"], found["cached"]) == (3, 3, 1)
    assert found["bytes"] > 0


def test_a_batch_that_is_larger_than_what_a_user_may_have(server: ServerProcess) -> None:
    user = key(server, daily_quota=20)
    reply = post(server, cards(*"abcdefghi"), "/batches", user)
    assert (reply.status, reply.code) == (503, "queue_full")
    assert "8 are allowed" in reply.json["error"]["message"]
    assert left(server, user) == 20
    assert server.get("/batches", user).json["batches"] == []


@pytest.mark.parametrize("path", ["/batches", "/batch"])
def test_limits_of_the_whole_request(server: ServerProcess, path: str) -> None:
    user = key(server)
    many = post(server, [b"x"] * 13, path, user)
    assert (many.status, many.code) == (413, "body_too_large")
    large = post(server, [card("large") + b"x" * (600 << 10)] * 2, path, user)
    assert (large.status, large.code) == (413, "body_too_large")
    assert "1048576 bytes" in large.json["error"]["message"]


def test_the_body_limit_of_a_key_is_that_of_each_file(server: ServerProcess) -> None:
    user = key(server, max_body_mb=0.01)
    reply = post(server, [card("large") + b"x" * (11 << 10), card("small")], "/batch", user)
    assert [each["status"] for each in reply.json["results"]] == ["error", "success"]
    assert reply.json["results"][0]["error"]["code"] == "body_too_large"


def test_scopes(server: ServerProcess) -> None:
    reader = key(server, scopes="read")
    assert post(server, cards("read"), "/batch", reader).status == 200
    for refused in (
        post(server, cards("read"), "/batches", reader),
        post(server, cards("read"), "/batch", reader, "files", block_flag="0"),
        server.get("/batches", reader),
    ):
        assert (refused.status, refused.code) == (403, "not_allowed")
    (Path(server.folder) / "images" / "named.png").write_bytes(card("named"))
    body = {"files": [encoded("image"), {"filename": "named.png"}]}
    for scopes, expected in (("read", "error"), ("read filename", "success")):
        reply = _post_json(server, body, key(server, scopes=scopes))
        assert [each["status"] for each in reply.json["results"]] == ["success", expected]


def _post_json(server: ServerProcess, value: Any, headers: dict[str, str]) -> Reply:
    body = json.dumps(value).encode()
    return server.request("POST", "/batch", body, {"Content-Type": "application/json", **headers})
