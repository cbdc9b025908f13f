"""GET /usage, and what is counted and audited, with a server process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.faulty_server import fault_settings
from tests.support.http_client import KeptConnection, Reply
from tests.support.server_process import ServerProcess
from tests.support.usage import USAGE, counted, database_of, state_of, users
from tests.support.watching import wait_until

ADMIN_KEY = "an admin key that nobody knows, 0123456789"
ADMIN = {"X-Api-Key": ADMIN_KEY}
KEYS = {"access": {"required": True, "admin_key": ADMIN_KEY}}
TEXT = "a text that no log may have"
COUNTS = ("images", "pages", "cached", "seconds", "bytes", "errors")


def serving(folder: Path, settings: dict[str, Any]) -> ServerProcess:
    (folder / "images").mkdir()
    return ServerProcess(folder, {**fault_settings(folder), **settings}, fakes=True)


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server without keys that counts."""
    with serving(tmp_path_factory.mktemp("counting"), USAGE) as server:
        yield server


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that requires keys."""
    with serving(tmp_path_factory.mktemp("keyed"), KEYS) as server:
        yield server


def usage_of(server: ServerProcess, query: str = "", **headers: str) -> dict[str, Any]:
    reply = server.get(f"/usage{query}", headers)
    assert reply.status == 200, reply
    usage: dict[str, Any] = reply.json["usage"]
    return usage


def total(server: ServerProcess, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = usage_of(server, **headers)["total"]
    return found


def upload_counted(server: ServerProcess, text: str) -> None:
    """Upload one image and wait until it is counted: counts are written after the answer."""
    before = total(server)["images"]
    assert server.upload(card(text)).status == 200
    wait_until(lambda: total(server)["images"] > before, "a count")


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_requests_are_counted(counting: ServerProcess) -> None:
    before = total(counting)
    image = card("counted")
    sent = []
    with KeptConnection(counting.port) as connection:
        for body in (image, image, b"no image"):
            headers = {"Content-Type": "image/png"}
            sent.append(connection.request("POST", "/ocr", body, headers))
    assert [reply.status for reply in sent] == [200, 200, 415]
    assert counting.request("PUT", "/ocr", b"x").status == 405
    assert counting.get("/results/" + "0" * 32).status == 404, "reads no image"
    wait_until(lambda: total(counting)["errors"] == before["errors"] + 1, "counts")
    after = total(counting)
    assert {name: after[name] - before[name] for name in COUNTS if name != "seconds"} == {
        "images": 2,
        "pages": 2,
        "cached": 1,
        "bytes": 2 * len(image) + len(b"no image"),
        "errors": 1,
    }
    assert after["seconds"] > before["seconds"]
    assert users(database_of(counting.folder)) == {"anonymous"}


def test_the_answer_has_the_days_of_the_last_thirty(counting: ServerProcess) -> None:
    upload_counted(counting, "of today")
    usage = usage_of(counting)
    assert usage["user"] == "anonymous"
    assert usage["enabled"] is True
    assert usage["timezone"] == "UTC"
    assert usage["to"] == today()
    assert usage["from"] == (datetime.now(UTC).date() - timedelta(days=29)).isoformat()
    (day,) = usage["days"]
    assert day == {"day": today(), **usage["total"]}
    earlier = usage_of(counting, "?from=2026-01-01&to=2026-01-31")
    assert (earlier["days"], earlier["total"]["images"]) == ([], 0)


def test_the_same_as_csv(counting: ServerProcess) -> None:
    upload_counted(counting, "as a table")
    by_header = counting.get("/usage", {"Accept": "text/csv"})
    by_field = counting.get("/usage?format=csv", {"Accept": "text/html"})
    for reply in (by_header, by_field):
        assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert reply.headers["Vary"] == "Accept"
        assert re.fullmatch(
            r'attachment; filename="usage-[\d-]+\.csv"', reply.headers["Content-Disposition"]
        )
        head, row = reply.body.decode().splitlines()
        assert head == "day,images,pages,cached,seconds,bytes,errors"
        assert row.startswith(today())


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("TEXT/CSV", "text/csv"),
    ],
)
def test_the_accept_header_decides(counting: ServerProcess, accept: str, kind: str) -> None:
    reply = counting.get("/usage", {"Accept": accept})
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, kind)


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=20261101",
        "from=2026-02-30",
        "to=0001-01-01",
        "from=2026-11-02&to=2026-11-01",
        "from=2025-01-01&to=2026-11-01",
        "format=xml",
        "days=3",
        "user=",
        "from=2026-11-01&from=2026-11-02",
    ],
)
def test_what_is_not_accepted_is_named(counting: ServerProcess, query: str) -> None:
    reply = counting.get(f"/usage?{query}")
    assert_error(reply, 400, "bad_field", query.split("=")[0])


def test_only_an_admin_may_ask_for_another_user(
    counting: ServerProcess, keyed: ServerProcess
) -> None:
    assert usage_of(counting, "?user=anonymous")["user"] == "anonymous"
    for user in ("Xy12Ab34", "*"):
        assert_error(counting.get(f"/usage?user={user}"), 403, "not_allowed", "admin")
        assert usage_of(keyed, f"?user={user}", **ADMIN)["user"] == user
    assert_error(keyed.get("/usage?user=a%00b", ADMIN), 400, "bad_field", "user")


def test_jobs_count_when_they_end(counting: ServerProcess) -> None:
    before = total(counting)
    image = card("counted as a job")

    def ended(content: bytes, state: str) -> None:
        url = counting.upload(content, block_flag="0").json["job"]["url"]
        if state == "cancelled":
            assert counting.request("DELETE", url).status == 204
        assert counting.get(f"{url}?wait=20").headers["X-Job-State"] == state

    ended(image, "done")
    ended(image, "done")
    ended(card("fail"), "failed")
    held = card(f"hold {counting.folder / 'journal'} of a job")
    ended(held, "cancelled")
    after = total(counting)  # without waiting: it is in the transaction that ends a job
    assert {name: after[name] - before[name] for name in COUNTS if name != "seconds"} == {
        "images": 2,
        "pages": 2,
        "cached": 1,
        "bytes": 2 * len(image) + len(card("fail")),
        "errors": 1,
    }
    assert after["seconds"] > before["seconds"]


def test_what_is_left_of_the_quota_is_shown(keyed: ServerProcess) -> None:
    body = json.dumps({"label": "Ann", "daily_quota": 5}).encode()
    made = keyed.request("POST", "/admin/keys", body, {**ADMIN, "Content-Type": "application/json"})
    own = {"Authorization": f"Bearer {made.json['secret']}"}
    assert usage_of(keyed, **own)["left_today"] == 5
    assert keyed.upload(card("of a quota"), own).status == 200
    assert usage_of(keyed, **own)["left_today"] == 4
    assert usage_of(keyed, f"?user={made.json['key']['id']}", **ADMIN)["left_today"] is None
    assert usage_of(keyed, **ADMIN)["left_today"] is None


def test_with_keys_in_use_the_usage_is_counted_and_needs_a_key(keyed: ServerProcess) -> None:
    assert_error(keyed.get("/usage"), 401, "key_required", "key")
    assert keyed.get("/usage", {"Accept": "text/html"}).status == 200, "the page asks for a key"
    before = total(keyed, **ADMIN)
    assert keyed.upload(card("with a key"), ADMIN).status == 200
    assert keyed.upload(card("without a key")).status == 401
    wait_until(lambda: total(keyed, **ADMIN)["images"] > before["images"], "a counted image")
    after = total(keyed, **ADMIN)
    assert (after["images"], after["errors"]) == (before["images"] + 1, before["errors"])
    assert "anonymous" not in users(database_of(keyed.folder))


def audited(server: ServerProcess) -> list[dict[str, Any]]:
    path = state_of(server.folder) / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_jobs_and_refusals_are_audited(keyed: ServerProcess) -> None:
    known = len(audited(keyed))
    accepted = keyed.upload(card("audited"), {**ADMIN, "X-Request-Id": "a1"}, block_flag="0")
    job = accepted.json["job"]
    keyed.get(f"{job['url']}?wait=20", ADMIN)
    held = card(f"hold {keyed.folder / 'journal'}")
    running = keyed.upload(held, {**ADMIN, "X-Request-Id": "a2"}, block_flag="0").json["job"]
    assert (
        keyed.request("DELETE", running["url"], None, {**ADMIN, "X-Request-Id": "a3"}).status == 204
    )
    refused = keyed.get("/usage", {"X-Api-Key": "a wrong key", "X-Request-Id": "a4"})
    assert refused.status == 401

    def found() -> list[tuple[str | None, ...]]:
        return [
            (line["action"], line.get("user"), line["outcome"], line.get("target"))
            for line in audited(keyed)[known:]
            if line.get("request_id", "").startswith("a")
        ]

    wait_until(lambda: len(found()) >= 4, "the lines")
    assert found() == [
        ("job_created", "admin", "ok", job["id"]),
        ("job_created", "admin", "ok", running["id"]),
        ("job_cancelled", "admin", "ok", running["id"]),
        ("request_refused", None, "key_invalid", None),
    ]
    assert all(line["address"] == "127.0.0.1" for line in audited(keyed))
    path = state_of(keyed.folder) / "audit.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600


def test_acts_of_an_admin_are_audited(keyed: ServerProcess) -> None:
    known = len(audited(keyed))
    acting = {**ADMIN, "Content-Type": "application/json", "X-Request-Id": "act"}
    made = keyed.request("POST", "/admin/keys", b'{"label": "Ann, mobile"}', acting).json
    key_id, secret = made["key"]["id"], made["secret"]
    keyed.request("PATCH", f"/admin/keys/{key_id}", b'{"daily_quota": 5}', acting)
    own = {"Authorization": f"Bearer {secret}", "X-Request-Id": "act"}
    assert keyed.get("/admin/keys", own).status == 403
    keyed.request("DELETE", f"/admin/keys/{key_id}", None, acting)
    keyed.request("DELETE", f"/admin/keys/{key_id}?purge=true", None, acting)

    def acts() -> list[tuple[str | None, ...]]:
        return [
            (line["action"], line.get("user"), line["outcome"], line.get("target"))
            for line in audited(keyed)[known:]
            if line.get("request_id") == "act"
        ]

    wait_until(lambda: len(acts()) >= 5, "the lines")
    assert acts() == [
        ("key_added", "admin", "ok", key_id),
        ("key_changed", "admin", "ok", key_id),
        ("request_refused", key_id, "not_allowed", None),
        ("key_revoked", "admin", "ok", key_id),
        ("key_purged", "admin", "ok", key_id),
    ]
    text = (state_of(keyed.folder) / "audit.jsonl").read_text()
    assert [word for word in ("Ann", secret) if word in text] == []


def test_neither_usage_nor_audit_has_texts_names_keys_or_queries(keyed: ServerProcess) -> None:
    """In bytes."""
    name, wrong = "secret-file-name.png", "ocr_wrong000_a-key-that-is-not-known"
    (keyed.folder / "images" / name).write_bytes(card(TEXT))

    def send(headers: dict[str, str]) -> list[Reply]:
        return [
            keyed.upload(card(TEXT), headers),
            keyed.upload(card(TEXT + " of a job"), headers, block_flag="0"),
            keyed.request(
                "POST",
                "/ocr_service",
                json.dumps({"file_type": "filename", "filename": name}).encode(),
                {**headers, "Content-Type": "application/json"},
            ),
            keyed.get("/usage?user=secret-query", headers),
            keyed.get("/usage?from=secret-query", headers),
            keyed.request("DELETE", "/jobs/secret-job", None, headers),
        ]

    assert send(ADMIN)[0].text == TEXT
    known = len(audited(keyed))
    assert {reply.status for reply in send({"Authorization": f"Bearer {wrong}"})} == {401}
    wait_until(lambda: len(audited(keyed)) > known, "the refusals")
    secret = (TEXT, name, wrong, ADMIN_KEY, "secret-query", "secret-job")
    state = state_of(keyed.folder)
    files = [state / "audit.jsonl", *(state / "usage").iterdir()]
    contents = [path.read_bytes() for path in files] + [
        repr(counted(database_of(keyed.folder))).encode()
    ]
    assert contents[0].count(b"request_refused") > 0
    assert b"admin" in contents[-1]
    for content in contents:
        assert [word for word in secret if word.encode() in content] == []


def test_without_keys_and_settings_nothing_is_written(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as server:
        assert server.upload(card("not counted")).status == 200
        assert server.get("/usage").json["usage"]["enabled"] is False
        server.terminate()
        assert server.wait() == 0
    assert not state_of(tmp_path).exists()


def test_the_audit_log_can_be_switched_on_alone(tmp_path: Path) -> None:
    with serving(tmp_path, {"audit": {"path": "logs/audit.jsonl"}}) as server:
        server.upload(card("a job"), block_flag="0")
        server.terminate()
        assert server.wait() == 0
    (line,) = (tmp_path / "logs" / "audit.jsonl").read_text().splitlines()
    assert json.loads(line)["action"] == "job_created"
    assert not (state_of(tmp_path) / "usage").exists()


def test_the_audit_log_on_standard_output(tmp_path: Path) -> None:
    with serving(tmp_path, {"audit": {"path": "-"}}) as server:
        server.upload(card("a job"), block_flag="0")
        wait_until(lambda: '"log": "audit"' in server.output, "the line")


def test_a_path_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    server = serving(tmp_path, {"audit": {"path": "/dev/null/audit.jsonl"}})
    with pytest.raises(AssertionError, match=r"audit\.path: cannot write there"), server:
        pass
