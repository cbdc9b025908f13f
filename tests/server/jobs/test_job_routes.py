"""GET /jobs, /jobs/ID/result and /jobs/ID/events, ?erase=true, and the fields of jobs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.http.handlers import job_events
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.jobs import NOWHERE, jobs_in
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until


@pytest.fixture(scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with (
        LiveServer(tmp_path_factory.mktemp("memory"), number=1, queue_size=50) as server,
        jobs_in(server, NOWHERE),
    ):
        yield server


@pytest.fixture(scope="module")
def _in_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("database"), number=1, queue_size=50) as server:
        yield server


@pytest.fixture(params=["_in_database", "_in_memory"])
def server(request: pytest.FixtureRequest, no_error_log: None) -> Iterator[LiveServer]:
    """A server with one worker, which keeps its jobs in a database or in memory."""
    found: LiveServer = request.getfixturevalue(request.param)
    found.clear()
    yield found
    found.check_whole()


def start(server: LiveServer, text: str, **fields: str) -> str:
    reply = server.upload(card(text), block_flag="False", **fields)
    assert reply.status == 202, reply.body
    return str(reply.json["job"]["url"])


def done(server: LiveServer, text: str, **fields: str) -> str:
    url = start(server, text, **fields)
    assert server.get(f"{url}?wait=20").headers["X-Job-State"] == "done"
    return url


def refused(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.code


class Events:
    """A client of Server-Sent Events."""

    def __init__(self, server: LiveServer, url: str, last: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        header = f"Last-Event-ID: {last}\r\n" if last else ""
        self._socket.sendall(
            f"GET {url}/events HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")

    def head(self) -> str:
        return self._until(b"\r\n\r\n")

    def next(self) -> dict[str, str]:
        """The fields of the next event; comments have none."""
        block = self._until(b"\n\n").removesuffix("\n\n")
        lines = [line for line in block.split("\n") if ": " in line and not line.startswith(":")]
        return {name: value for name, _, value in (line.partition(": ") for line in lines)}

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _until(self, mark: bytes) -> str:
        found = b""
        while not found.endswith(mark):
            byte = self._stream.read(1)
            assert byte, found
            if byte in b"\r\n0123456789abcdef" and not found.strip(b"\r\n0123456789abcdef"):
                found = b""  # the size of a chunk
                if byte not in b"\r\n":
                    self._stream.readline()
                continue
            found += byte
        return found.decode()


def test_a_list_has_the_newest_first_and_pages(server: LiveServer) -> None:
    urls = [done(server, f"listed {n}") for n in range(3)]
    first = server.get("/jobs?limit=2").json
    assert [job["url"] for job in first["jobs"]] == [urls[2], urls[1]]
    assert first["next"] == first["jobs"][-1]["id"]
    second = server.get(f"/jobs?limit=2&after={first['next']}").json
    assert second["jobs"][0]["url"] == urls[0]
    finished = server.get("/jobs?state=done&limit=100").json["jobs"]
    assert {job["state"] for job in finished} == {"done"}
    assert server.get("/jobs?state=failed").json["jobs"] == []


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=101", "sort=up"])
def test_a_list_that_cannot_be(server: LiveServer, query: str) -> None:
    assert refused(server.get(f"/jobs?{query}")) == (400, "bad_field")


def test_a_result_in_any_format(server: LiveServer) -> None:
    url = done(server, "in any format")
    assert server.get(f"{url}/result").text == "in any format"
    assert server.get(f"{url}/result?format=text").body == b"in any format\n"
    assert server.get(f"{url}/result?format=legacy").json[0][1][0] == "in any format"
    assert server.begun("in any format") == 1


def test_a_result_that_is_not_there(server: LiveServer, gate: Path) -> None:
    running = start(server, f"hold {gate} result")
    assert refused(server.get(f"{running}/result")) == (409, "not_finished")
    cancelled = start(server, "cancelled")
    assert server.request("DELETE", cancelled).status == 204
    assert refused(server.get(f"{cancelled}/result")) == (409, "conflict")
    gate.unlink()
    failed = start(server, "swell")
    server.get(f"{failed}?wait=20")
    assert refused(server.get(f"{failed}/result")) == (422, "image_too_complex")
    assert refused(server.get("/jobs/unknown/result")) == (404, "not_found")


def test_an_erased_job_is_gone(server: LiveServer, gate: Path) -> None:
    url = done(server, "erase me")
    assert server.request("DELETE", f"{url}?erase=true").status == 204
    for path in (url, f"{url}/result", f"{url}/events"):
        assert refused(server.get(path)) == (404, "not_found")
    running = start(server, f"hold {gate} erase")
    reply = server.request("DELETE", f"{running}?erase=true")
    assert refused(reply) == (409, "not_finished")
    gate.unlink()
    assert server.get(f"{running}?wait=20").headers["X-Job-State"] == "done"


def test_events_follow_a_job_to_its_end(server: LiveServer, gate: Path) -> None:
    url = start(server, f"hold {gate} events")
    wait_until(lambda: server.get(url).headers["X-Job-State"] == "running", "its start")
    events = Events(server, url)
    head = events.head()
    assert "text/event-stream" in head
    assert "X-Accel-Buffering: no" in head
    first = events.next()
    assert first["event"] == "state"
    assert '"state":"running"' in first["data"]
    gate.unlink()
    last = events.next()
    assert last["event"] == "end"
    assert '"state":"done"' in last["data"]
    assert int(last["id"]) > int(first["id"])
    events.close()
    again = Events(server, url, last=first["id"])
    again.head()
    assert again.next() == last
    again.close()


def test_a_silent_stream_has_comments_and_ends_with_its_client(
    server: LiveServer, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "COMMENT_SECONDS", 0.05)
    url = start(server, f"hold {gate} silent")
    wait_until(lambda: server.get(url).headers["X-Job-State"] == "running", "its start")
    events = Events(server, url)
    events.head()
    assert events.next()["event"] == "state"
    assert events.next() == {}
    assert server.call(server.context.event_streams.total) == 1
    events.close()
    wait_until(lambda: server.call(server.context.event_streams.total) == 0, "its end")
    gate.unlink()


def test_there_are_only_so_many_streams(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "MAX_STREAMS", 0)
    url = done(server, "no stream")
    assert refused(server.get(f"{url}/events")) == (503, "queue_full")


def test_a_job_has_progress_attempts_and_times(server: LiveServer) -> None:
    job = server.get(done(server, "in detail")).json["job"]
    assert job["progress"] == {"pages_total": 1, "pages_done": 1, "pages_failed": 0}
    assert job["attempts"] == 1
    assert job["expires_at"] == pytest.approx(job["created_at"] + 3600, abs=30)


def test_a_higher_priority_is_read_first(server: LiveServer, gate: Path) -> None:
    start(server, f"hold {gate} first")
    wait_until(lambda: server.begun(f"hold {gate} first") == 1, "its start")
    for text in ("second", "third"):  # as many as are taken from the database in advance
        start(server, f"hold {gate} {text}")
    urls = [start(server, "low", priority="-5"), start(server, "high", priority="5")]
    gate.unlink()
    for url in urls:
        assert server.get(f"{url}?wait=20").headers["X-Job-State"] == "done"
    begun = [line for line in server.journal.read_text().splitlines() if " begin " in line]
    order = [line.rpartition(" ")[2] for line in begun]
    assert order.index("high") < order.index("low")


def test_a_deadline_that_passes_while_it_waits(server: LiveServer, gate: Path) -> None:
    start(server, f"hold {gate} deadline")
    wait_until(lambda: server.begun(f"hold {gate} deadline") == 1, "its start")
    url = start(server, "too late", deadline_seconds="0.05")
    job = server.get(f"{url}?wait=20").json["job"]
    assert (job["state"], job["error"]["code"]) == ("failed", "queue_timeout")
    gate.unlink()
    assert server.begun("too late") == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": "101"},
        {"priority": "high"},
        {"deadline_seconds": "0"},
        {"deadline_seconds": "1e9"},
        {"webhook_url": "ftp://example.com/"},
        {"webhook_url": "https://example.com/", "block_flag": "true"},
    ],
)
def test_fields_that_are_not_accepted(server: LiveServer, fields: dict[str, str]) -> None:
    reply = server.upload(card("refused"), **{"block_flag": "false", **fields})
    assert refused(reply) == (400, "bad_field")
    assert next(iter(fields)) in reply.json["error"]["message"]


def test_a_webhook_needs_a_database(narrow: LiveServer) -> None:
    with jobs_in(narrow, NOWHERE):
        reply = narrow.upload(card("told"), block_flag="false", webhook_url="https://1.1.1.1/")
    assert refused(reply) == (503, "storage_unavailable")
    assert "webhook_url needs a database: cannot create" in reply.json["error"]["message"]
