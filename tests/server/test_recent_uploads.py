"""Recent uploads are recognized by their bytes, and only those."""

from __future__ import annotations

import base64
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cache.keys import Digests, digest
from cache.recent_images import EDGE_BYTES, RecentImages
from server.formats.answer import Answer, Body, Envelope
from server.formats.registry import render
from server.formats.rendering import Rendering
from server.http import replies as server_replies
from server.service import digesting
from tests.support.cards import card
from tests.support.fake_recognizers import RECITAL
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

LENGTH = 300_000
LOOP_THREAD = "server"  # the thread's name in LiveServer


def padded(text: str, length: int = LENGTH) -> bytes:
    """A card with trailing bytes from a small set."""
    return card(text).ljust(length, b"x")


def retiring(image: bytes) -> bytes:
    """The PNG with a long comment after IHDR, so that its pixels are not sampled."""
    chunk = b"tEXtComment\0" + bytes(EDGE_BYTES)
    framed = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return image[:33] + framed + image[33:]


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that were hashed during the test."""
    seen: list[bytes] = []

    def noted(data: bytes) -> Digests:
        seen.append(data)
        return digest(data)

    monkeypatch.setattr(digesting, "digest", noted)
    return seen


@pytest.fixture
def recent(wide: LiveServer, monkeypatch: pytest.MonkeyPatch) -> RecentImages:
    """The server's recent images, empty at first."""
    new = RecentImages(2 * LENGTH)
    monkeypatch.setattr(wide.context.service.digester, "recent", new)
    return new


def check(reply: Reply, text: str, cache: str, image: bytes) -> None:
    assert (reply.status, reply.text, reply.json["cache"]) == (200, text, cache)
    assert reply.json["md5"] == digest(image).md5


def test_much_is_not_hashed_on_the_loop(wide: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def noted(data: bytes) -> Digests:
        threads.append(threading.current_thread().name)
        return digest(data)

    monkeypatch.setattr(digesting, "digest", noted)
    for length in (digesting.INLINE_HASH_BYTES, digesting.INLINE_HASH_BYTES + 1):
        assert wide.upload(padded("hashed where", length)).status == 200
    assert threads[0] == LOOP_THREAD
    assert threads[1] != LOOP_THREAD


@pytest.mark.parametrize("length", [1000, LENGTH])
def test_after_its_first_hit_an_image_is_hashed_no_more(
    wide: LiveServer, recent: RecentImages, hashed: list[bytes], length: int
) -> None:
    text = f"asked for again and again {length}"
    image = padded(text, length)
    for outcome in ("miss", "hit", "hit", "hit"):
        check(wide.upload(image), text, outcome, image)
    assert hashed == [image, image]
    raw = wide.request("POST", "/ocr", image, {"Content-Type": "image/png"})
    check(raw, text, "hit", image)
    check(wide.post_json({"image": base64.b64encode(image).decode()}), text, "hit", image)
    assert len(hashed) == 2
    assert len(recent) == 1


def test_of_many_who_send_one_new_image_two_are_hashed(
    narrow: LiveServer, gate: Path, hashed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = RecentImages(2 * LENGTH)
    monkeypatch.setattr(narrow.context.service.digester, "recent", new)
    image = padded(f"hold {gate}")
    with ThreadPoolExecutor(5) as clients:
        sent = []
        for outcomes in ({"miss": 1}, *({"miss": 1, "joined": n} for n in range(1, 5))):
            sent.append(clients.submit(narrow.upload, image))
            wait_until(lambda: narrow.outcomes() == outcomes, "one after the other")  # noqa: B023
        assert hashed == [image, image]
        gate.unlink()
        assert [reply.result(20).status for reply in sent] == [200] * 5


@pytest.fixture
def known(wide: LiveServer, recent: RecentImages, tmp_path: Path) -> bytes:
    """A recent upload; its second line is unique to this test."""
    image = padded(f"two lines\n{tmp_path}")
    assert [wide.upload(image).json["cache"] for _ in range(2)] == ["miss", "hit"]
    assert len(recent) == 1
    wide.clear()
    return image


def test_its_answers_are_like_those_of_every_hit(
    wide: LiveServer, known: bytes, recent: RecentImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats = ("json", "text", "legacy")
    recalled = [wide.upload(known, format=format) for format in formats]
    monkeypatch.setattr(recent, "digests", lambda *_: None)
    hits = [wide.upload(known, format=format) for format in formats]
    for one, other in zip(recalled, hits, strict=True):
        assert (one.status, one.headers.keys()) == (200, other.headers.keys())
        for name in ("Content-Type", "X-Cache", "X-Content-Type-Options"):
            assert one.headers[name] == other.headers[name]
    assert recalled[0].json.keys() == hits[0].json.keys()
    assert [reply.body for reply in recalled[1:]] == [reply.body for reply in hits[1:]]
    assert recalled[1].body.startswith(b"two lines\n")


def test_every_way_to_ask_for_it_counts_as_one_hit(wide: LiveServer, known: bytes) -> None:
    ways: list[dict[str, str]] = [{}, {"format": "text"}, {"timeout_ms": "5"}]
    for number, fields in enumerate(ways, 1):
        reply = wide.upload(known, **fields)
        assert reply.headers["X-Cache"] == "hit"
        assert wide.outcomes() == {"hit": number}
    job = wide.upload(known, block_flag="0").json["job"]
    reply = wide.get(f"{job['url']}?wait=10")
    assert reply.text.startswith("two lines\n")
    assert reply.headers["X-Cache"] == "hit"
    assert wide.outcomes() == {"hit": 4}


def test_a_long_answer_is_one_hit_and_is_not_written_on_the_loop(
    wide: LiveServer, recent: RecentImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def noted(answer: Answer, chosen: Rendering, envelope: Envelope) -> tuple[str, Body]:
        threads.append(threading.current_thread().name)
        return render(answer, chosen, envelope)

    monkeypatch.setattr(server_replies, "render", noted)
    image = padded(f"recite {tmp_path / 'a book'}")
    replies = [wide.upload(image, format="text") for _ in range(3)]
    assert len(threads) == 3
    assert LOOP_THREAD not in threads
    assert [reply.headers["X-Cache"] for reply in replies] == ["miss", "hit", "hit"]
    assert {reply.body for reply in replies} == {RECITAL.encode() + b"\n"}
    assert wide.outcomes() == {"miss": 1, "hit": 2}


def test_it_is_read_again_on_demand(wide: LiveServer, known: bytes) -> None:
    assert wide.upload(known, {"Cache-Control": "no-cache"}).json["cache"] == "miss"
    assert wide.upload(known).json["cache"] == "hit"


def test_a_server_that_stops_does_not_answer_it_either(
    wide: LiveServer, known: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wide.context, "draining", True)
    reply = wide.upload(known)
    assert (reply.status, reply.code) == (503, "draining")


@pytest.mark.faults(37)
def test_an_image_that_looks_like_a_recent_one_gets_its_own_text(
    wide: LiveServer, recent: RecentImages, hashed: list[bytes]
) -> None:
    both = {text: retiring(padded(text)) for text in ("looks like this", "looks like that")}
    for outcome in ("miss", "hit", "hit"):
        for text, image in both.items():
            check(wide.upload(image), text, outcome, image)
    assert len(recent) == 1
    assert len(hashed) == 6


def test_only_images_with_a_kept_answer_are_remembered(
    wide: LiveServer, recent: RecentImages
) -> None:
    assert wide.upload(padded("read once")).status == 200
    assert wide.upload(padded("read once"), {"Cache-Control": "no-cache"}).json["cache"] == "miss"
    assert wide.upload(b"8BPS".ljust(LENGTH)).status == 415
    assert len(recent) == 0


def test_other_options_are_another_answer_for_a_recent_image(
    wide: LiveServer, recent: RecentImages
) -> None:
    image = padded("options")
    replies = [wide.upload(image, det_db_thresh=each) for each in ("0.21", "0.21", "0.22", "0.22")]
    assert [reply.json["cache"] for reply in replies] == ["miss", "hit", "miss", "hit"]
    assert [f'"det_db_thresh":0.2{n}' in replies[n].text for n in (1, 2)] == [True, True]
    assert len(recent) == 1
