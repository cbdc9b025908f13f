"""Which bytes of answers count as unsent, and when another large answer is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.service.outgoing import OutgoingBytes
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
