"""POST /batches, and the batches that it makes, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from server.database.location import Location
from server.database.tables import BATCH, DELIVERY, IDEMPOTENCY, JOB
from tests.support.batches import JSON, all_jobs, body_of, cards, encoded, post
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.jobs import NOWHERE, jobs_in
from tests.support.live_server import LiveServer
from tests.support.named_users import name_users, of
from tests.support.watching import wait_until

NO_SUCH_BATCH = "/batches/AAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def server(narrow: LiveServer, location: Location) -> Iterator[LiveServer]:
    """A server with one worker, and its jobs in each kind of database."""
    with jobs_in(narrow, location):
        yield narrow


def started(reply: Reply) -> str:
    """The address of a batch."""
    assert reply.status == 202, reply.body
    return str(reply.headers["Location"])


def finished(server: LiveServer, url: str) -> dict[str, Any]:
    """The batch at its end."""
    wait_until(lambda: server.get(url).json["batch"]["state"] == "finished", "its end")
    batch: dict[str, Any] = server.get(url).json["batch"]
    return batch


def rows(location: Location, table: Any) -> list[Any]:
    engine = create_engine(location.url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(select(table)))
    finally:
        engine.dispose()


def test_a_batch_is_accepted_and_read_in_order(server: LiveServer, location: Location) -> None:
    texts = [f"{location.kind} {number}" for number in range(5)]
    reply = post(server, cards(*texts), drop_score="0.2")
    url = started(reply)
    assert list(reply.json) == ["status", "batch", "jobs", "request_id"]
    assert reply.json["status"] == "accepted"
    assert reply.headers["Operation-Location"] == url == reply.json["batch"]["url"]
    assert [job["number"] for job in reply.json["jobs"]] == [0, 1, 2, 3, 4]
    assert {job["batch"] for job in reply.json["jobs"]} == {url}
    batch = finished(server, url)
    counts = {"queued": 0, "running": 0, "done": 5, "failed": 0, "cancelled": 0}
    assert (batch["files"], batch["counts"]) == (5, counts)
    assert batch["progress"] == {"pages_total": 5, "pages_done": 5, "pages_failed": 0}
    assert batch["expires_at"] > batch["finished_at"] >= batch["created_at"]
    assert [server.get(job["url"]).text for job in reply.json["jobs"]] == texts
    begun = [line for line in server.journal.read_text().splitlines() if " begin " in line]
    assert [line.partition(" begin ")[2] for line in begun] == texts


def test_one_bad_file_spoils_no_other(server: LiveServer) -> None:
    large = card("large") + b"x" * (1 << 20)
    reply = post(server, [card("good"), b"no image", b"", large, card("good too")])
    jobs = reply.json["jobs"]
    codes = [job.get("error", {}).get("code") for job in jobs]
    assert codes == [None, "unsupported_format", "missing_file", "body_too_large", None]
    counts = finished(server, started(reply))["counts"]
    assert (counts["done"], counts["failed"]) == (2, 3)
    assert server.get(jobs[4]["url"]).text == "good too"
    failed = server.get(f"{jobs[1]['url']}/result")
    assert (failed.status, failed.code) == (415, "unsupported_format")


def test_files_in_json_have_options_of_their_own(server: LiveServer) -> None:
    (server.images / "named.png").write_bytes(card("a named file"))
    (server.images / "options.png").write_bytes(card("options"))
    files = [
        encoded("options"),
        encoded("options", det_db_box_thresh=0.7, format="text"),
        {"filename": "named.png"},
        {"filename": "../outside.png"},
        encoded("bad option", drop_score=7),
        {"image": "!"},
        {"priority": 3},
    ]
    values = {"files": files, "det_db_box_thresh": 0.4}
    reply = server.post_json(values, "/batches")
    jobs = reply.json["jobs"]
    codes = [job.get("error", {}).get("code") for job in jobs]
    assert codes == [None, None, None, "not_found", "bad_field", "bad_field", "bad_field"]
    finished(server, started(reply))
    common, own = (server.get(f"{job['url']}/result?format=text").body for job in jobs[:2])
    assert b"0.4" in common and b"0.7" in own
    assert server.get(jobs[1]["url"]).headers["Content-Type"].startswith("text/plain")
    assert server.get(jobs[2]["url"]).text == "a named file"
    for name in ("named.png", "options.png"):
        (server.images / name).unlink()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "bad_request"),
        (b"[]", "bad_request"),
        (b'{"files": [{"image": nul}]}', "bad_request"),
        (b'{"files": [{"image": "QQ=="]}', "bad_request"),
        (b'{"files": [{"image": "QQ=="}], "files": []}', "bad_field"),
        (b'{"files": ["QQ=="]}', "bad_field"),
        (b'{"files": [{"image": "QQ=="}, 0]}', "bad_field"),
        (b'{"file": [{"image": "QQ=="}]}', "bad_field"),
        (b'{"files": [{"image": "QQ=="}], "drop_score": 7}', "bad_field"),
        (b'{"files": [{"image": "QQ=="}], "drop_score": {}}', "bad_field"),
        (b'{"files": [{"image": "QQ=="}], "unknown": 7}', "bad_field"),
        (b'{"files": []}', "missing_file"),
        (b"{}", "missing_file"),
        (b'{"files": [{"image": ' + b"[" * 5000 + b"}]}", "bad_request"),
        (b'{"files": [{"image": "QQ=="}], "drop_score": "' + b"x" * (1 << 18), "bad_request"),
    ],
)
def test_json_that_is_no_batch(narrow: LiveServer, body: bytes, code: str) -> None:
    reply = narrow.post_json(body, "/batches")
    assert (reply.status, reply.code) == (400, code), reply.body


def test_a_request_that_is_refused_leaves_nothing(server: LiveServer, location: Location) -> None:
    for fields in ({"drop_score": "7"}, {"webhook_url": "http://127.0.0.1/"}, {"image": "QQ=="}):
        reply = post(server, cards("refused"), "/batches", None, "file", **fields)
        assert (reply.status, reply.code) == (400, "bad_field")
    body, content_type = body_of(cards("cut", "off"))
    reply = server.request("POST", "/batches", body[:-20], content_type)
    assert (reply.status, reply.code) == (400, "bad_request")
    assert rows(location, JOB) == rows(location, BATCH) == []
    assert blobs(location) == []


def blobs(location: Location) -> list[Any]:
    """The images and results that are kept."""
    from server.database.tables import BLOB

    if location.file is None:
        return rows(location, BLOB)
    folder = location.file.parent / "blobs"
    return list(folder.iterdir()) if folder.exists() else []


def test_too_many_files(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.intake.files.ArrivingFiles.begin", _at_most_two)
    for reply in (
        post(server, cards("1", "2", "3")),
        server.post_json({"files": [encoded("1"), encoded("2"), encoded("3")]}, "/batches"),
    ):
        assert (reply.status, reply.code) == (413, "body_too_large")
        assert "2 files" in reply.json["error"]["message"]


def _at_most_two(files: Any, begin: Any = None) -> None:
    from server.errors import BodyTooLarge

    files._begun += 1
    if files._begun > 2:
        raise BodyTooLarge("the request has more than 2 files, the maximum")


@pytest.mark.parametrize("path", ["/batches", "/batch"])
@pytest.mark.parametrize(
    ("content_type", "query", "code"),
    [
        ("text/plain", "", "bad_request"),
        ("application/x-www-form-urlencoded", "", "bad_request"),
        ("image/png", "", "bad_request"),
        ("application/json", "?drop_score=0.5", "bad_field"),
    ],
)
def test_a_request_of_another_kind(
    narrow: LiveServer, path: str, content_type: str, query: str, code: str
) -> None:
    reply = narrow.request("POST", path + query, b"{}", {"Content-Type": content_type})
    assert (reply.status, reply.code) == (400, code)


def test_the_jobs_of_a_batch_page_by_page(server: LiveServer) -> None:
    reply = post(server, [*cards(*"abcde"), b"bad"])
    url = started(reply)
    finished(server, url)
    ids = [job["id"] for job in reply.json["jobs"]]
    first = server.get(f"{url}?limit=4").json
    assert [job["id"] for job in first["jobs"]] == ids[:4]
    assert first["next"] == ids[3]
    second = server.get(f"{url}?limit=4&after={ids[3]}").json
    assert ([job["id"] for job in second["jobs"]], second["next"]) == (ids[4:], None)
    failed = server.get(f"{url}?state=failed").json["jobs"]
    assert [job["number"] for job in failed] == [5]
    assert [job["id"] for job in all_jobs(server, url)] == ids
    assert server.get(f"{url}?after=nothing").code == "not_found"
    assert server.get(f"{url}?limit=0").code == "bad_field"


def test_the_list_of_batches(server: LiveServer) -> None:
    urls = [started(post(server, cards(f"in list {number}"))) for number in range(3)]
    for url in urls:
        finished(server, url)
    page = server.get("/batches?limit=2").json
    assert [batch["url"] for batch in page["batches"]] == urls[:0:-1]
    rest = server.get(f"/batches?limit=2&after={page['next']}").json
    assert ([batch["url"] for batch in rest["batches"]], rest["next"]) == (urls[:1], None)
    assert rest["batches"][0]["counts"]["done"] == 1


def test_what_is_left_of_a_batch_is_cancelled(server: LiveServer, gate: Path) -> None:
    texts = [f"take 0 {number}" for number in range(6)]
    reply = post(server, [card(f"hold {gate}"), *cards(*texts)])
    url = started(reply)
    wait_until(lambda: server.begun(f"hold {gate}") == 1, "its start")
    cancelled = server.request("DELETE", url)
    assert (cancelled.status, cancelled.body) == (204, b"")
    assert finished(server, url)["counts"]["cancelled"] == 7
    again = server.request("DELETE", url)
    assert (again.status, again.code) == (409, "conflict")
    gate.unlink()
    wait_until(lambda: server.queued() == 0, "an empty queue")
    assert [server.begun(text) for text in texts[2:]] == [0] * 4


def test_erasing_a_batch_also_erases_the_kept_replies(server: LiveServer) -> None:
    image, first = card("a reply with its text"), {"Idempotency-Key": "before the batch"}
    server.upload(image, first)
    assert server.upload(image, first).headers["Idempotent-Replayed"] == "true"
    url = started(post(server, [image]))
    finished(server, url)
    assert server.request("DELETE", f"{url}?erase=true").status == 204
    assert "Idempotent-Replayed" not in server.upload(image, first).headers


def test_a_batch_is_erased(server: LiveServer, location: Location, gate: Path) -> None:
    texts = cards("one", f"hold {gate}", "three")
    reply = post(server, texts, headers={"Idempotency-Key": f"erased {gate}"})
    url, jobs = started(reply), reply.json["jobs"]
    wait_until(lambda: server.get(jobs[0]["url"]).headers["X-Job-State"] == "done", "the first")
    assert server.request("DELETE", f"{url}?erase=true").status == 204
    assert server.get(jobs[0]["url"]).code == "not_found"
    assert server.get(url).json["batch"]["files"] == 3
    assert len(all_jobs(server, url)) == 2
    running = server.request("DELETE", f"{url}?erase=true")
    assert (running.status, running.code) == (409, "not_finished")
    gate.unlink()
    finished(server, url)
    assert server.request("DELETE", f"{url}?erase=true").status == 204
    assert (server.get(url).status, server.get(url).code) == (404, "not_found")
    for table in (JOB, BATCH, DELIVERY, IDEMPOTENCY):
        assert rows(location, table) == []
    assert blobs(location) == []


def test_a_batch_tells_of_its_end_once(
    server: LiveServer, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def admit(_: str, __: str) -> None:
        """Any host."""

    monkeypatch.setattr(server.context.webhook_guard, "admit", admit)
    hook = "https://receiver.test/hook"
    url = started(post(server, [*cards("a", "b"), b"bad"], webhook_url=hook))
    finished(server, url)
    all_bad = started(post(server, [b"bad"], webhook_url=hook))
    assert server.get(all_bad).json["batch"]["state"] == "finished"
    found = {row.batch_id: row for row in rows(location, DELIVERY)}
    assert len(found) == 2
    message = json.loads(found[url.rpartition("/")[2]].body)
    assert message["type"] == "batch.done"
    counts = {"done": 2, "failed": 1, "cancelled": 0}
    assert message["data"] == {"id": url[9:], "url": url, "files": 3, "counts": counts}


def test_a_repeated_request_gets_the_same_batch(server: LiveServer, location: Location) -> None:
    key = {"Idempotency-Key": "the same batch"}
    images = [*cards("once", "only"), b"bad"]
    first, second = (post(server, images, headers=key) for _ in range(2))
    assert started(first) == started(second)
    assert second.headers["Idempotent-Replayed"] == "true"
    ids = [[job["id"] for job in reply.json["jobs"]] for reply in (first, second)]
    assert ids[0] == ids[1]
    for other in (post(server, images[:2], headers=key), post(server, images[::-1], headers=key)):
        assert (other.status, other.code) == (422, "idempotency_mismatch")
    finished(server, started(first))
    assert len(rows(location, BATCH)) == 1
    assert len(blobs(location)) == 2, "two results, and no image of a repeated request"


def test_batches_of_another_user_do_not_exist(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_users(monkeypatch)
    reply = post(server, cards("private"), headers=of("A"))
    url = started(reply)
    wait_until(
        lambda: server.get(url, of("A")).json["batch"]["state"] == "finished", "the end of A's"
    )
    for call in (
        server.get(url, of("B")),
        server.get(reply.json["jobs"][0]["url"], of("B")),
        server.request("DELETE", url, headers=of("B")),
        server.request("DELETE", f"{url}?erase=true", headers=of("B")),
    ):
        assert (call.status, call.code) == (404, "not_found")
    assert server.get("/batches", of("B")).json["batches"] == []
    assert len(server.get("/batches", of("A")).json["batches"]) == 1
    assert server.get(f"/batches?after={url[9:]}", of("B")).code == "not_found"


def test_no_batch_has_this_id(server: LiveServer) -> None:
    for method in ("GET", "DELETE"):
        reply = server.request(method, NO_SUCH_BATCH)
        assert (reply.status, reply.code) == (404, "not_found")
    reply = server.request("PUT", "/batches")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, POST")


def test_without_a_database_there_are_no_batches(narrow: LiveServer) -> None:
    with jobs_in(narrow, NOWHERE):
        for reply in (post(narrow, cards("none")), narrow.get(NO_SUCH_BATCH)):
            assert (reply.status, reply.code) == (503, "storage_unavailable")
            assert "needs a database" in reply.json["error"]["message"]
        kept = narrow.request(
            "POST", "/batches", json.dumps({"files": [encoded("none")]}).encode(), JSON
        )
        assert kept.code == "storage_unavailable"
