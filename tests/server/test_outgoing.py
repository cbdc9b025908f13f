"""Which bytes of answers count as unsent, and when another large answer is refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.service.outgoing import LARGE_BYTES, SMALL_BYTES, OutgoingBytes
from tests.support.cards import card
from tests.support.fake_recognizers import RECITAL
from tests.support.greedy_clients import asking, get
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

LIMIT = 8_000_000  # a recital as text, not two; in JSON it has 11 MB


def test_a_buffer_counts_once_however_many_are_sent_it() -> None:
    outgoing = OutgoingBytes()
    kept = bytes(1000)
    outgoing.hold(memoryview(kept)[:10])
    outgoing.hold(memoryview(kept)[10:])
    outgoing.hold(kept)
    assert outgoing.total == 1000
    assert outgoing.more([memoryview(kept)[5:], bytes(7)]) == 7
    outgoing.release(memoryview(kept)[5:])
    outgoing.release(kept)
    assert outgoing.total == 1000
    outgoing.release(kept)
    assert outgoing.total == 0
    assert outgoing.more([kept]) == 1000


@pytest.fixture
def recited(narrow: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The path of a cached result of 5 MB, on a server with at most 8 MB in progress."""
    monkeypatch.setattr(narrow.context.inflight, "limit", LIMIT)
    image = card(f"recite {tmp_path / 'a book'}")
    wait_until(lambda: narrow.upload(image).status == 200, "a result within its deadline")
    assert narrow.upload(image).text == RECITAL
    yield f"/results/{hashlib.md5(image).hexdigest()}"
    wait_until(lambda: narrow.call(narrow.context.inflight.total) == 0, "no bytes left")


def held(server: LiveServer) -> int:
    """The bytes that clients have not received."""
    return server.call(lambda: server.context.inflight.outgoing.total)


def test_an_answer_of_its_own_waits_until_the_one_before_is_taken(
    narrow: LiveServer, recited: str
) -> None:
    with asking(narrow.port, [get(f"{recited}?format=text")]):
        wait_until(lambda: held(narrow) > LIMIT / 2, "the first in progress")
        for path in (f"{recited}?format=text", f"{recited}?format=legacy"):
            reply = narrow.get(path)
            assert (reply.status, reply.code) == (503, "queue_full")
            assert int(reply.headers["Retry-After"]) >= 1
        assert narrow.get("/livez").status == 200
    wait_until(lambda: held(narrow) == 0, "its bytes back")
    assert narrow.get(f"{recited}?format=text").body == f"{RECITAL}\n".encode()


def test_a_kept_result_is_sent_to_any_number(narrow: LiveServer, recited: str) -> None:
    with asking(narrow.port, [get(recited)] * 20):
        wait_until(lambda: narrow.call(lambda: narrow.context.connections.open) == 20, "all")
        wait_until(lambda: held(narrow) > LIMIT, "the answers in progress")  # one is always sent
        reply = narrow.get(recited)
        assert reply.text == RECITAL
        assert held(narrow) < 2 * len(reply.body)


@pytest.mark.faults(59)
def test_answers_that_are_not_small_wait_for_others_too(
    narrow: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 65,000 connections, each could hold one of them."""
    monkeypatch.setattr(narrow.context.inflight, "limit", 100_000)
    found = re.search(rb"static/[0-9a-f]{16}/", narrow.get("/").body)
    assert found is not None
    script = f"/{found[0].decode()}read/viewer.js"
    assert SMALL_BYTES < len(narrow.get(script).body) < LARGE_BYTES
    with asking(narrow.port, [get("/openapi.json") * 200]):  # the kernel takes the first ones
        wait_until(lambda: held(narrow) > 100_000, "an answer that is not read")
        for _ in range(2):
            reply = narrow.get(script)
            assert (reply.status, reply.code) == (503, "queue_full")
        assert [narrow.get(path).status for path in ("/livez", "/docs", "/readyz")] == [200] * 3
    wait_until(lambda: held(narrow) == 0, "its end")
    assert narrow.get(script).status == 200
