"""Rows 77 and 78: addresses and keys that ask too often, or for too much at the same time."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat
from pathlib import Path

import pytest

from server.database.location import locate
from server.database.schema import upgrade
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.invariant import Invariant
from tests.support.server_process import ServerProcess
from tests.support.structured_fields import string_items
from tests.support.user_keys import add_key
from tests.support.watching import wait_until

PER_MINUTE = 6
KNOWN = card("an image that every limit leaves alone")


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server behind a proxy on this machine, with a limit for each address."""
    folder = tmp_path_factory.mktemp("limited")
    settings = {
        "web_server": {"trusted_proxies": ["127.0.0.1"]},
        "limits": {"address_per_minute": PER_MINUTE},
        "database": {"url": f"sqlite:///{folder}/state/users.sqlite3"},
        "ocr": {"process": {"number": 2}},
    }
    (folder / "state").mkdir()
    upgrade(locate(f"sqlite:///{folder}/state/users.sqlite3", folder))
    with ServerProcess(folder, settings, fakes=True) as server:
        yield server
        assert server.health()["requests"] == {"open": 0, "in_flight": 0, "bytes": 0}


def key(server: ServerProcess, **limits: float) -> dict[str, str]:
    return add_key(
        locate(f"sqlite:///{server.folder}/state/users.sqlite3", server.folder), **limits
    )


def read(server: ServerProcess, address: str, headers: dict[str, str] | None = None) -> Reply:
    return server.upload(KNOWN, {"X-Forwarded-For": address, **(headers or {})})


def exhaust(server: ServerProcess, addresses: Iterable[str]) -> Reply:
    """Send until a request is refused, which must be after PER_MINUTE of them; the refusal.

    One more is accepted if a new minute begins meanwhile.
    """
    for accepted, address in enumerate(addresses):
        answer = read(server, address)
        if answer.status == 429:
            assert accepted in (PER_MINUTE, PER_MINUTE + 1)
            return answer
        assert answer.status == 200
    raise AssertionError("no request was refused")


@pytest.mark.faults(77)
def test_an_address_that_asks_too_often_is_refused_and_others_are_not(
    limited: ServerProcess,
) -> None:
    refused = exhaust(limited, repeat("192.0.2.1"))
    assert read(limited, "192.0.2.2").status == 200
    assert refused.code == "rate_limited"
    assert string_items(refused.headers["RateLimit-Policy"]) == {"address": {"q": 6, "w": 60}}
    standing = string_items(refused.headers["RateLimit"])["address"]
    assert standing["r"] == 0 and str(standing["t"]) == refused.headers["Retry-After"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 120


@pytest.mark.faults(77)
def test_the_addresses_of_one_ipv6_network_are_one_client(limited: ServerProcess) -> None:
    exhaust(limited, (f"2001:db8:1:2:{number:x}::1" for number in count()))
    assert read(limited, "2001:db8:1:3::1").status == 200


@pytest.mark.faults(77)
def test_an_address_is_refused_before_its_key_is_looked_up_and_its_body_is_read(
    limited: ServerProcess,
) -> None:
    exhaust(limited, repeat("192.0.2.3"))
    assert read(limited, "192.0.2.3", {"X-Api-Key": "no key"}).code == "rate_limited"
    with socket.create_connection(("127.0.0.1", limited.port), timeout=10) as connection:
        connection.sendall(
            b"POST /ocr HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.3\r\n"
            b"Content-Type: image/png\r\nContent-Length: 1000000\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 429 ")


@pytest.mark.faults(77)
def test_a_forged_address_helps_nobody(limited: ServerProcess) -> None:
    exhaust(limited, (f"203.0.113.{number}, 192.0.2.4" for number in count()))


@pytest.mark.faults(77)
def test_health_checks_and_pages_have_no_limit(limited: ServerProcess) -> None:
    seen = {
        limited.get(path, {"X-Forwarded-For": "192.0.2.5"}).status
        for path in ("/livez", "/readyz", "/healthz", "/metrics", "/", "/openapi.json") * 5
    }
    assert seen == {200}


@pytest.mark.faults(78)
def test_a_key_that_asks_too_often_is_refused_and_others_are_not(limited: ServerProcess) -> None:
    own, other = key(limited, rate_per_minute=3), key(limited, rate_per_minute=3)
    answers = [read(limited, f"198.51.100.{number}", own) for number in range(5)]
    assert [answer.status for answer in answers[:3]] == [200, 200, 200]
    assert read(limited, "198.51.100.5", other).status == 200
    assert string_items(answers[0].headers["RateLimit-Policy"]) == {"rate": {"q": 3, "w": 60}}
    assert string_items(answers[0].headers["RateLimit"])["rate"]["r"] == 2
    refused = answers[4]  # the fourth is accepted if a new minute has begun
    assert refused.code == "rate_limited" and int(refused.headers["Retry-After"]) >= 1
    assert string_items(refused.headers["RateLimit"])["rate"]["r"] == 0
    polled = limited.get("/results/" + "0" * 32, {"X-Forwarded-For": "198.51.100.6", **own})
    assert polled.code == "rate_limited"


@pytest.mark.faults(78)
def test_a_key_with_all_its_places_taken_is_refused_until_one_is_free(
    limited: ServerProcess, gate: Path
) -> None:
    own, other = key(limited, concurrency=1), key(limited, concurrency=1)
    address = {"X-Forwarded-For": "198.51.100.11"}
    with ThreadPoolExecutor(1) as client:
        held = client.submit(limited.upload, card(f"hold {gate} 1"), {**address, **own})
        wait_until(lambda: limited.begun(f"hold {gate} 1"), "the first image to begin")
        refused = read(limited, "198.51.100.12", own)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert string_items(refused.headers["RateLimit"]) == {"concurrency": {"r": 0}}
        assert read(limited, "198.51.100.13", other).status == 200
        gate.unlink()
        assert held.result(20).status == 200
    assert read(limited, "198.51.100.14", own).status == 200


@pytest.mark.faults(78)
def test_a_client_that_leaves_frees_its_place(limited: ServerProcess, gate: Path) -> None:
    own = key(limited, concurrency=1)
    connection = socket.create_connection(("127.0.0.1", limited.port), timeout=10)
    image = card(f"hold {gate} 2")
    head = (
        f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nAuthorization: {own['Authorization']}\r\n"
        f"Content-Type: image/png\r\nContent-Length: {len(image)}\r\n\r\n"
    )
    connection.sendall(head.encode() + image)
    wait_until(lambda: limited.begun(f"hold {gate} 2"), "the image to begin")
    connection.close()
    addresses = iter(range(256))
    wait_until(
        lambda: read(limited, f"198.51.101.{next(addresses)}", own).status == 200, "a free place"
    )
    gate.unlink()


@pytest.mark.faults(78)
def test_a_body_above_the_limit_of_its_key_is_refused(limited: ServerProcess) -> None:
    own = key(limited, max_body_mb=0.001)
    headers = {"X-Forwarded-For": "198.51.100.21", **own}
    refused = limited.upload(b"x" * 2000, headers)
    assert (refused.status, refused.code) == (413, "body_too_large")
    assert "1048 bytes" in refused.json["error"]["message"]
    assert read(limited, "198.51.100.22", own).status == 200


@pytest.mark.faults(78)
def test_the_limits_of_a_key_are_on_every_answer(limited: ServerProcess) -> None:
    own = key(limited, rate_per_minute=100, concurrency=7, daily_quota=50)
    headers = {"X-Forwarded-For": "198.51.100.31", **own}
    found = limited.upload(KNOWN, headers)
    missing = limited.get("/jobs/" + "0" * 32, headers)
    broken = limited.upload(b"no image", headers)
    assert [each.status for each in (found, missing, broken)] == [200, 404, 415]
    for answer, left in ((found, 49), (missing, 49), (broken, 48)):
        assert string_items(answer.headers["RateLimit-Policy"]) == {
            "rate": {"q": 100, "w": 60},
            "concurrency": {"q": 7, "qu": "concurrent-requests"},
            "day": {"q": 50, "w": 86_400},
        }
        standings = string_items(answer.headers["RateLimit"])
        assert standings["day"]["r"] == left and 0 < int(standings["day"]["t"]) <= 86_400
    assert "RateLimit" not in read(limited, "198.51.100.32").headers


def test_the_server_is_as_before(limited: ServerProcess) -> None:
    Invariant.of(limited, KNOWN, 2).check()
