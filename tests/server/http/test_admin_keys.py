"""/admin/keys: making, listing, changing, revoking and erasing keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from server.database.location import locate
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Reply
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.watching import wait_until

ADMIN = {"X-Api-Key": ADMIN_KEY}
IMAGE = card("administered")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    place = locate(None, tmp_path_factory.mktemp("keys"))
    more = {"access": {"admin_key": ADMIN_KEY}, "database": {"url": place.url}}
    with LiveServer(tmp_path_factory.mktemp("server"), 1, 10, more=more) as live:
        yield live


def call(server: LiveServer, method: str, path: str = "", value: object = None) -> Reply:
    body = None if value is None else json.dumps(value).encode()
    headers = {**ADMIN, "Content-Type": "application/json"}
    return server.request(method, f"/admin/keys{path}", body, headers)


def add(server: LiveServer, **fields: Any) -> tuple[str, str]:
    """Make a key; its id and the key itself."""
    reply = call(server, "POST", value={"label": "Ann", **fields})
    assert reply.status == 201, reply.body
    return reply.json["key"]["id"], reply.json["secret"]


def test_a_key_is_made_shown_changed_and_revoked(server: LiveServer) -> None:
    reply = call(server, "POST", value={"label": "Ann", "scopes": ["read"], "daily_quota": 500})
    assert reply.headers["Cache-Control"] == "no-store"
    key_id, secret = reply.json["key"]["id"], reply.json["secret"]
    assert reply.headers["Location"] == f"/admin/keys/{key_id}"
    assert secret.startswith(f"ocr_{key_id}_")
    user = {"Authorization": f"Bearer {secret}"}
    assert server.upload(IMAGE, user).status == 200
    assert_error(server.upload(IMAGE, user, block_flag="false"), 403, "not_allowed")

    changed = call(server, "PATCH", f"/{key_id}", {"scopes": ["read", "jobs"], "label": "Bea"})
    assert changed.json["key"]["scopes"] == ["read", "jobs"]
    shown = call(server, "GET", f"/{key_id}")
    assert shown.json["key"] == changed.json["key"]
    assert shown.json["key"]["daily_quota"] == 500
    assert secret not in shown.body.decode()
    wait_until(
        lambda: server.upload(IMAGE, user, block_flag="false").status == 202, "the new scope"
    )

    assert call(server, "DELETE", f"/{key_id}").status == 204
    wait_until(lambda: server.upload(IMAGE, user).status == 401, "the revocation")
    revoked = call(server, "GET", f"/{key_id}").json["key"]
    assert revoked["state"] == "revoked"
    assert call(server, "DELETE", f"/{key_id}").status == 204
    assert call(server, "GET", f"/{key_id}").json["key"] == revoked


def test_keys_are_listed_in_pages(server: LiveServer) -> None:
    made = [add(server)[0] for _ in range(5)]
    listed: list[str] = []
    while True:
        after = f"&after={listed[-1]}" if listed else ""
        keys = call(server, "GET", f"?limit=2{after}").json["keys"]
        if not keys:
            break
        listed += [key["id"] for key in keys]
    assert listed[-5:] == made
    assert len(listed) == len(set(listed))
    assert_error(call(server, "GET", "?after=00000000"), 404, "not_found")


def test_a_key_that_is_erased_is_gone(server: LiveServer) -> None:
    key_id, secret = add(server)
    assert server.upload(IMAGE, {"X-Api-Key": secret}).status == 200
    assert call(server, "DELETE", f"/{key_id}?purge=true").status == 204
    wait_until(lambda: server.upload(IMAGE, {"X-Api-Key": secret}).status == 401, "the erasure")
    for method in ("GET", "DELETE"):
        assert_error(call(server, method, f"/{key_id}"), 404, "not_found", "no key")


@pytest.mark.parametrize(
    ("fields", "mentions"),
    [
        ({}, "label is missing"),
        ({"label": ""}, "label = "),
        ({"label": "a\nb"}, "control characters"),
        ({"label": "\ud800"}, "control characters"),
        ({"label": "A", "scope": "read"}, "did you mean scopes?"),
        ({"label": "A", "scopes": []}, "read, jobs, filename, metrics, admin"),
        ({"label": "A", "scopes": ["write"]}, "read, jobs, filename, metrics, admin"),
        ({"label": "A", "daily_quota": -1}, "from 0 to"),
        ({"label": "A", "daily_quota": True}, "integer"),
        ({"label": "A", "weight": 0}, "0.01 to 100"),
        ({"label": "A", "expires_at": 1e12}, "4.1"),
    ],
)
def test_a_wrong_field_is_named(server: LiveServer, fields: object, mentions: str) -> None:
    before = len(call(server, "GET", "?limit=1000").json["keys"])
    assert_error(call(server, "POST", value=fields), 400, "bad_field", mentions)
    assert len(call(server, "GET", "?limit=1000").json["keys"]) == before


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b"[]", "application/json", 400, "bad_request"),
        (b"label=Ann", "application/x-www-form-urlencoded", 400, "bad_request"),
        (b"[" * 50_000, "application/json", 400, "bad_request"),
        (b'{"label": "' + b"a" * 100_000 + b'"}', "application/json", 413, "body_too_large"),
        (b'{"label": "A", "label": "B"}', "application/json", 400, "bad_field"),
    ],
)
def test_a_wrong_body_is_refused(
    server: LiveServer, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {**ADMIN, "Content-Type": content_type}
    assert_error(server.request("POST", "/admin/keys", body, headers), status, code)


def test_a_key_without_the_scope_administers_nothing(server: LiveServer) -> None:
    key_id, secret = add(server)
    user = {"X-Api-Key": secret, "Content-Type": "application/json"}
    for method, path in (
        ("GET", ""), ("POST", ""), ("GET", f"/{key_id}"), ("PATCH", f"/{key_id}"),
        ("DELETE", f"/{key_id}"), ("DELETE", f"/{key_id}?purge=true"),
    ):  # fmt: skip
        reply = server.request(method, f"/admin/keys{path}", b'{"label": "A"}', user)
        assert_error(reply, 403, "not_allowed", "`admin`")
    assert call(server, "GET", f"/{key_id}").json["key"]["state"] == "active"


def test_a_key_of_the_scope_admin_makes_keys(server: LiveServer) -> None:
    _, secret = add(server, scopes=["admin"])
    headers = {"X-Api-Key": secret, "Content-Type": "application/json"}
    made = server.request("POST", "/admin/keys", b'{"label": "by a key"}', headers)
    assert made.status == 201
    assert_error(server.upload(IMAGE, headers), 403, "not_allowed", "`read`")
