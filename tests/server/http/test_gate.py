"""Who is let in: keys in headers, scopes for each route, and what is public."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
from tornado.routing import PathMatches

from server.database.location import Location, locate
from server.database.schema import upgrade
from server.http.handlers.base import BaseHandler
from server.http.handlers.late import LateRoute
from server.http.routes import make_application
from server.users.key_format import new_id, new_secret_key
from server.users.key_store import KeyStore
from server.users.refusals import Refusals
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Reply
from tests.support.keys import Clock, add_key_now
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.watching import wait_until

PUBLIC = ("/livez", "/readyz", "/healthz", "/openapi.json", "/", "/status", "/docs")
IMAGE = card("for whom is this")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Location:
    found = locate(None, tmp_path_factory.mktemp("keys"))
    upgrade(found)
    return found


@pytest.fixture(scope="module")
def guarded(place: Location, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that requires keys."""
    more = {
        "access": {"required": True, "admin_key": ADMIN_KEY},
        "database": {"url": place.url},
    }
    with LiveServer(tmp_path_factory.mktemp("guarded"), 1, 10, more=more) as server:
        (server.images / "sign.png").write_bytes(IMAGE)
        yield server


@pytest.fixture(scope="module")
def keys(place: Location) -> dict[str, str]:
    """A key for each scope, and one that may do everything but administer."""
    scopes = ("read", "jobs", "filename", "metrics", "admin")
    found = {scope: add_key_now(place, scopes=[scope])[1] for scope in scopes}
    return found | {"user": add_key_now(place)[1]}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def started_job(server: LiveServer, key: str) -> str:
    reply = server.upload(IMAGE, bearer(key), block_flag="false")
    assert reply.status == 202
    return str(reply.json["job"]["url"])


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("key", [None, "wrong"])
def test_public_pages_need_no_key(guarded: LiveServer, path: str, key: str | None) -> None:
    assert guarded.get(path, bearer(key) if key else None).status == 200


@pytest.mark.parametrize(
    "path", ["/results/" + "0" * 32, "/jobs/abc", "/metrics", "/admin/keys", "/admin/keys/00000000"]
)
def test_other_routes_need_a_valid_key(guarded: LiveServer, path: str) -> None:
    missing, wrong = guarded.get(path), guarded.get(path, bearer("wrong"))
    assert_error(missing, 401, "key_required", "Authorization", "X-Api-Key")
    assert_error(wrong, 401, "key_invalid")
    assert missing.headers["WWW-Authenticate"] == wrong.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/ocr", "/ocr_service"])
def test_an_image_needs_a_valid_key(guarded: LiveServer, keys: dict[str, str], path: str) -> None:
    assert_error(guarded.upload(IMAGE, path=path), 401, "key_required")
    wrong = guarded.upload(IMAGE, bearer(keys["read"][:-1]), path=path)
    assert_error(wrong, 401, "key_invalid")
    assert wrong.headers["Connection"] == "close"
    for headers in (bearer(keys["read"]), {"X-Api-Key": keys["read"]}):
        for _ in range(2):
            assert guarded.upload(IMAGE, headers, path=path).status == 200


def test_every_route_is_public_or_has_a_scope(guarded: LiveServer) -> None:
    application = guarded.call(lambda: make_application(guarded.context))
    needs = {}
    for rule in application.wildcard_router.rules:
        target = rule.target.target if isinstance(rule.target, LateRoute) else rule.target
        if isinstance(target, type) and issubclass(target, BaseHandler):
            assert isinstance(rule.matcher, PathMatches)
            needs[rule.matcher.regex.pattern.rstrip("$")] = target.needs
    public = {pattern for pattern, needed in needs.items() if needed is None}
    others = {pattern: needed for pattern, needed in needs.items() if needed is not None}
    assert public == {
        *(r"/livez", r"/readyz", r"/", r"/status", r"/docs", r"/openapi\.json"),
        r"/static/(.{1,120})",
        "/events/s3",  # has a token of its own
    }
    for pattern, needed in others.items():
        expected = "metrics" if pattern in ("/metrics", "/healthz") else "read"
        if pattern.startswith("/admin/"):
            expected = "admin"
        elif pattern.startswith(("/jobs", "/batches")):
            expected = "jobs"
        assert needed == expected, pattern


@pytest.mark.parametrize(
    ("needed", "allowed"),
    [
        ("read", ("read", "user")),
        ("metrics", ("metrics", "read", "user")),
        ("jobs", ("jobs", "user")),
        ("admin", ("admin",)),
    ],
)
def test_a_route_needs_its_scope(
    guarded: LiveServer, keys: dict[str, str], needed: str, allowed: tuple[str, ...]
) -> None:
    path = {"read": "/usage", "metrics": "/metrics", "jobs": "/jobs", "admin": "/admin/keys"}
    for name, key in keys.items():
        reply = guarded.get(path[needed], bearer(key))
        if name in allowed:
            assert reply.status == 200, name
        else:
            assert_error(reply, 403, "not_allowed", f"`{needed}`")


def test_a_job_belongs_to_its_key(guarded: LiveServer, keys: dict[str, str]) -> None:
    url = started_job(guarded, keys["user"])
    assert guarded.get(f"{url}?wait=20", bearer(keys["user"])).status == 200
    for path in (url, f"{url}/result", f"{url}/events"):
        reply = guarded.get(path, bearer(keys["jobs"]))
        assert (reply.status, reply.code) == (404, "not_found")
    assert guarded.request("DELETE", url, None, bearer(keys["jobs"])).status == 404
    assert guarded.get("/jobs", bearer(keys["jobs"])).json["jobs"] == []
    assert len(guarded.get("/jobs", bearer(keys["user"])).json["jobs"]) >= 1


def test_jobs_and_files_of_the_server_need_their_scopes(
    guarded: LiveServer, keys: dict[str, str]
) -> None:
    def named(key: str) -> Reply:
        body = b"filename=sign.png"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return guarded.request("POST", "/ocr_service", body, {**kind, **bearer(key)})

    assert_error(guarded.upload(IMAGE, bearer(keys["jobs"])), 403, "not_allowed", "`read`")
    refused = guarded.upload(IMAGE, bearer(keys["read"]), block_flag="false")
    assert_error(refused, 403, "not_allowed", "`jobs`")
    assert_error(named(keys["read"]), 403, "not_allowed", "`filename`")
    assert named(keys["user"]).status == 200


def test_a_result_that_all_share_is_erased_by_an_administrator_only(
    guarded: LiveServer, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded.context.service.results, "_private", False)
    image = card("the result of all")
    path = f"/results/{guarded.upload(image, bearer(keys['user'])).json['md5']}"
    for key in (keys["user"], keys["read"]):
        refused = guarded.request("DELETE", path, None, bearer(key))
        assert_error(refused, 403, "not_allowed", "cache.scope", "`admin`")
    assert guarded.get(path, bearer(keys["read"])).status == 200
    assert guarded.request("DELETE", path, None, bearer(ADMIN_KEY)).status == 204
    assert guarded.get(path, bearer(keys["user"])).status == 404


def test_two_different_keys_are_a_bad_request(guarded: LiveServer, keys: dict[str, str]) -> None:
    key = keys["read"]
    both = guarded.get("/metrics", {**bearer(key), "X-Api-Key": keys["user"]})
    assert_error(both, 400, "bad_request", "X-Api-Key")
    assert guarded.get("/metrics", {**bearer(key), "X-Api-Key": key}).status == 200
    basic = {"Authorization": "Basic dXNlcjpwYXNz"}
    assert guarded.get("/metrics", {**basic, "X-Api-Key": key}).status == 200
    assert_error(guarded.get("/metrics", basic), 401, "key_required")
    assert guarded.get("/metrics", {"Authorization": f"bearer {key}"}).status == 200


@pytest.mark.parametrize("name", ["key", "api_key", "apikey", "access_token"])
def test_a_key_in_the_query_is_not_read(
    guarded: LiveServer, keys: dict[str, str], name: str
) -> None:
    reply = guarded.request("POST", f"/ocr?{name}={keys['user']}", IMAGE)
    assert_error(reply, 401, "key_required")


def test_health_tells_strangers_one_word(guarded: LiveServer, keys: dict[str, str]) -> None:
    for headers in (None, bearer("wrong"), bearer(keys["jobs"])):
        assert guarded.get("/healthz", headers).json == {"status": "ready"}
    for scope in ("read", "metrics"):
        assert "workers" in guarded.get("/healthz", bearer(keys[scope])).json


def test_a_probe_needs_a_key(guarded: LiveServer, keys: dict[str, str]) -> None:
    assert_error(guarded.get("/healthz?probe=1"), 401, "key_required")
    assert_error(guarded.get("/healthz?probe=1", bearer(keys["jobs"])), 403, "not_allowed")
    answer = guarded.get("/healthz?probe=1", bearer(keys["metrics"]))
    assert (answer.status, answer.json["probe"]["passed"]) == (200, True)


def test_a_key_for_metrics_reads_no_image(guarded: LiveServer, keys: dict[str, str]) -> None:
    reply = guarded.upload(IMAGE, bearer(keys["metrics"]))
    assert_error(reply, 403, "not_allowed", "`read`", "this key has: metrics")
    result = guarded.get("/results/" + "0" * 32, bearer(keys["metrics"]))
    assert_error(result, 403, "not_allowed", "`read`")


def test_without_access_required_no_key_is_needed_but_a_wrong_one_is_refused(
    wide: LiveServer,
) -> None:
    assert wide.upload(IMAGE).status == 200
    assert "workers" in wide.health()
    assert_error(wide.upload(IMAGE, bearer("wrong")), 401, "key_invalid")
    assert_error(wide.get("/admin/keys"), 401, "key_required")


def test_wrong_keys_of_any_kind_get_the_same_answer(
    guarded: LiveServer, keys: dict[str, str]
) -> None:
    known = keys["user"][4:12]
    bodies = set()
    for key in ("nonsense", new_secret_key(new_id()), new_secret_key(known)):
        reply = guarded.get("/metrics", {**bearer(key), "X-Request-Id": "the-same"})
        bodies.add((reply.status, reply.body, tuple(sorted(reply.headers.keys()))))
    assert len(bodies) == 1


def test_refused_keys_are_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock(0)
    refusals = Refusals(clock)
    with caplog.at_level(logging.WARNING, "server.keys"):
        for number in range(10_000):
            clock.now = number / 5000
            refusals.note("192.0.2.1")
    counts = [record.args[0] for record in caplog.records if record.args]  # type: ignore[index]
    assert len(counts) == 2
    assert counts == [1, 5000]


def test_no_key_is_written_to_the_log(
    guarded: LiveServer, keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        guarded.get("/metrics", bearer(keys["user"]))
        guarded.get("/metrics", bearer(new_secret_key("00000000")))
        guarded.get(f"/metrics?key={keys['user']}")
    assert "GET /metrics" in caplog.text
    assert "ocr_" not in caplog.text


def test_a_client_that_leaves_while_its_key_is_looked_up(
    guarded: LiveServer, place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lookup ends after the connection; the request is over, and nothing stays open."""
    _, key = add_key_now(place)
    find, found, go_on = KeyStore.find, threading.Event(), threading.Event()

    async def slow_find(self: KeyStore, key_id: str) -> object:
        found.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        return await find(self, key_id)

    monkeypatch.setattr(KeyStore, "find", slow_find)
    connection = guarded.send(IMAGE, bearer(key))
    assert found.wait(10)
    connection.close()
    wait_until(lambda: guarded.call(lambda: guarded.context.open_requests) == 0, "the end")
    go_on.set()
    assert guarded.upload(IMAGE, bearer(key)).status == 200
    guarded.check_whole()
