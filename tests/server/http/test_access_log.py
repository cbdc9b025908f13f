"""The access log: one line per request, whatever its outcome."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.live_server import LiveServer
from tests.support.raw_sockets import connect
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

LINE = re.compile(
    r"(?P<address>[0-9a-f.:]+|-) (?P<method>[A-Z]+) (?P<path>/[^ ?]*) (?P<status>[1-5]\d\d) "
    r"(?P<ms>\d+\.\d) ms (?P<size>\d+) bytes (?P<outcome>hit|miss|joined|-) (?P<id>[!-~]{1,128})"
)


def without_times(lines: list[str]) -> list[str]:
    return [re.sub(r"\d+\.\d ms", "N ms", line) for line in lines]


def test_every_request_has_its_line(wide: LiveServer, lines: list[str]) -> None:
    good = [wide.upload(card("has its line"), {"X-Request-Id": "one"}) for _ in range(3)]
    bad = wide.upload(b"no image", {"X-Request-Id": "two"})
    refused = wide.request("PUT", "/ocr", b"x", {"X-Request-Id": "three"})
    alive = wide.get("/livez", {"X-Request-Id": "four"})
    wide.request("HEAD", "/livez", None, {"X-Request-Id": "five"})
    wait_until(lambda: len(lines) == 7, "seven lines")
    assert without_times(lines) == [
        *(
            f"INFO 127.0.0.1 POST /ocr_service 200 N ms {len(reply.body)} bytes {outcome} one"
            for reply, outcome in zip(good, ("miss", "hit", "hit"), strict=True)
        ),
        f"INFO 127.0.0.1 POST /ocr_service 415 N ms {len(bad.body)} bytes - two",
        f"INFO 127.0.0.1 PUT /ocr 405 N ms {len(refused.body)} bytes - three",
        f"INFO 127.0.0.1 GET /livez 200 N ms {len(alive.body)} bytes - four",
        "INFO 127.0.0.1 HEAD /livez 200 N ms 0 bytes - five",
    ]


def test_jobs_and_kept_results_have_the_outcome_of_the_cache(
    wide: LiveServer, lines: list[str]
) -> None:
    text = card("kept and logged")
    url = wide.upload(text, block_flag="0").json["job"]["url"]
    md5 = wide.get(f"{url}?wait=20").json["md5"]
    kept = wide.get(f"/results/{md5}")
    assert wide.get(f"/results/{md5}", {"If-None-Match": kept.headers["ETag"]}).status == 304
    assert wide.request("DELETE", url).status == 409
    wait_until(lambda: len(lines) == 5, "five lines")
    found = [re.search(r" ([A-Z]+) /\w+.* (\d+) N ms (\d+ bytes \S+)", line).groups()  # type: ignore[union-attr]
             for line in without_times(lines)]  # fmt: skip
    assert [(method, status) for method, status, _ in found] == [
        ("POST", "202"),
        ("GET", "200"),
        ("GET", "200"),
        ("GET", "304"),
        ("DELETE", "409"),
    ]
    assert [rest.rpartition(" ")[2] for _, _, rest in found] == ["-", "miss", "hit", "hit", "-"]
    assert found[3][2] == "0 bytes hit"


def test_static_files_have_a_line_only_where_they_are_not_there(
    wide: LiveServer, lines: list[str]
) -> None:
    page = wide.get("/").body.decode()
    path = re.search(r"static/[0-9a-f]+/[\w./]+", page)
    assert path
    assert wide.get(f"/{path[0]}").status == 200
    assert wide.get("/static/nothing").status == 404
    wait_until(lambda: len(lines) == 2, "two lines")
    assert " GET / 200 " in lines[0]
    assert " GET /static/nothing 404 " in lines[1]


def test_a_query_is_not_logged(wide: LiveServer, lines: list[str]) -> None:
    wide.get("/livez?key=secret")
    wait_until(lambda: lines, "a line")
    assert "secret" not in lines[0]


def test_failures_are_warnings(
    wide: LiveServer, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wide.context, "draining", True)
    assert wide.upload(card("too late to be logged")).status == 503
    wait_until(lambda: lines, "a line")
    assert lines[0].startswith("WARNING 127.0.0.1 POST /ocr_service 503 ")


def test_a_client_that_leaves_has_its_line(
    narrow: LiveServer, lines: list[str], gate: Path
) -> None:
    with closing(narrow.send(card(f"hold {gate}"))):
        wait_until(lambda: narrow.running() == 1, "the start")
    wait_until(lambda: lines, "a line")
    gate.unlink()
    assert lines[0].startswith("INFO 127.0.0.1 POST /ocr_service 499 ")
    assert " ms 0 bytes - " in lines[0]


def test_a_client_that_leaves_while_it_waits_for_a_job_has_one_line(
    narrow: LiveServer, lines: list[str], gate: Path
) -> None:
    url = narrow.upload(card(f"hold {gate}"), block_flag="0").json["job"]["url"]
    before = narrow.metric("ocr_requests_total")
    with connect(narrow.port) as connection:
        connection.sendall(f"GET {url}?wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_until(lambda: narrow.call(lambda: narrow.context.connections.open) == 1, "it came")
        assert narrow.get("/livez").status == 200  # the other request has started by now
    wait_until(lambda: any(f"GET {url} 499 " in line for line in lines), "its line")
    gate.unlink()
    assert narrow.get(f"{url}?wait=20").json["job"]["state"] == "done"
    wait_until(lambda: any(f"GET {url} 200 " in line for line in lines), "the line of the other")
    assert sum(f"GET {url} " in line for line in lines) == 2
    assert narrow.metric("ocr_requests_total") == before  # they ask for no image to be read


def test_the_log_as_json(tmp_path: Path) -> None:
    settings = {"ocr": {"process": {"number": 1}}, "log": {"access_format": "json"}}
    with ServerProcess(tmp_path, settings, fakes=True) as server:
        for _ in range(2):
            server.upload(card("as json"), {"X-Request-Id": 'a "quoted" id'.replace(" ", "_")})
        missing = server.get("/a/%22quoted%22?key=secret", {"X-Request-Id": "-"})
        wait_until(lambda: "/a/" in server.output, "its line")
        found = [json.loads(line) for line in server.output.splitlines() if line.startswith("{")]
    *_, miss, hit, wrong = found
    assert list(wrong) == [
        "time", "level", "client", "method", "path", "status", "ms", "bytes", "cache", "request_id"
    ]  # fmt: skip
    assert (miss["cache"], hit["cache"], wrong["cache"]) == ("miss", "hit", None)
    assert (hit["client"], hit["method"], hit["path"]) == ("127.0.0.1", "POST", "/ocr_service")
    assert (hit["status"], hit["level"]) == (200, "INFO")
    assert hit["request_id"] == 'a_"quoted"_id'
    assert wrong["path"] == "/a/%22quoted%22"
    assert (wrong["status"], wrong["bytes"], wrong["request_id"]) == (404, len(missing.body), "-")
    assert isinstance(wrong["ms"], float)
    written = datetime.fromisoformat(wrong["time"])
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)
    assert "server.access: " not in server.output, "a line in both forms"


def test_the_docs_show_the_line_as_it_is(wide: LiveServer, lines: list[str]) -> None:
    wide.upload(card("shown in the docs"))
    wide.get("/livez")
    wait_until(lambda: len(lines) == 2, "two lines")
    for line in lines:
        assert LINE.fullmatch(line.partition(" ")[2]), line
    documentation = (ROOT / "docs" / "operations.md").read_text()
    shown = re.findall(r"^\S+ \S+ (?:INFO|WARNING) server\.access: (.*)$", documentation, re.M)
    assert len(shown) >= 3
    for line in shown:
        assert LINE.fullmatch(line), line
