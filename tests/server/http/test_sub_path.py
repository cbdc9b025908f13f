"""The server behind a proxy that removes the first part of each path."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from server.http.client_address import forwarded_prefix
from tests.support.cards import card
from tests.support.http_client import Part, image_part, multipart
from tests.support.live_server import LiveServer

LOOPBACK = (ip_network("127.0.0.1"),)
PROXY = {"X-Forwarded-Prefix": "/tools/ocr/"}


def set_up(server: LiveServer, monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    settings = server.context.settings
    web_server = dataclasses.replace(settings.web_server, **values)
    changed = dataclasses.replace(settings, web_server=web_server)
    monkeypatch.setattr(server.context, "settings", changed)


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("/ocr", "/ocr"),
        ("/a/b-c/d_e.f/", "/a/b-c/d_e.f"),
        ("/", ""),
        ("", ""),
        ("ocr", "/default"),
        ("//evil.example", "/default"),
        ("/a//b", "/default"),
        ("/..", "/default"),
        ("https://evil.example", "/default"),
        ("/a, /b", "/default"),
        ("/a b", "/default"),
        ("/a?b", "/default"),
        ("/a\\b", "/default"),
        ("/é", "/default"),
        ("/" + "a" * 300, "/default"),
    ],
)
def test_a_prefix_is_a_plain_path(given: str, prefix: str) -> None:
    headers = {"X-Forwarded-Prefix": given}
    assert forwarded_prefix("127.0.0.1", headers, LOOPBACK, "/default") == prefix


@pytest.mark.parametrize(
    ("peer", "trusted"), [("192.0.2.1", LOOPBACK), ("127.0.0.1", ()), ("", LOOPBACK)]
)
def test_only_a_trusted_proxy_sets_the_prefix(peer: str, trusted: Any) -> None:
    assert forwarded_prefix(peer, PROXY, trusted, "/default") == "/default"


@pytest.fixture
def job(wide: LiveServer) -> Iterator[Any]:
    """A function that makes a job and returns its answer; every job is deleted again."""
    made = []

    def make(headers: dict[str, str]) -> Any:
        body, content = multipart([image_part(card("prefixed")), Part("block_flag", b"false")])
        reply = wide.request("POST", "/ocr_service", body, {**content, **headers})
        assert reply.status == 202
        made.append(reply)
        return reply

    yield make
    for reply in made:
        wide.request("DELETE", f"/jobs/{reply.json['job']['id']}")


def paths_of(server: LiveServer, reply: Any, headers: dict[str, str]) -> set[str]:
    """All addresses of a job, without its id."""
    job_id = reply.json["job"]["id"]
    path = f"/jobs/{job_id}?wait=10"
    later = json.loads(server.request("GET", path, None, headers).body)
    listed = json.loads(server.request("GET", "/jobs", None, headers).body)
    found = [reply.headers["Location"], reply.headers["Operation-Location"]]
    found += [reply.json["job"]["url"], later["job"]["url"]]
    found += [each["url"] for each in listed["jobs"] if each["id"] == job_id]
    assert len(found) == 5
    return {each.removesuffix(job_id) for each in found}


def test_the_addresses_of_a_job_begin_with_the_forwarded_prefix(
    wide: LiveServer, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(wide, monkeypatch, trusted_proxies=LOOPBACK, root_path="/default")
    assert paths_of(wide, job(PROXY), PROXY) == {"/tools/ocr/jobs/"}
    assert paths_of(wide, job({}), {}) == {"/default/jobs/"}


def test_a_prefix_of_anyone_else_is_ignored(wide: LiveServer, job: Any) -> None:
    assert paths_of(wide, job(PROXY), PROXY) == {"/jobs/"}
