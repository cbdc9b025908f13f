"""Pictures whose answer was sent a moment ago are known by their bytes, and only they."""

from __future__ import annotations

import base64

import pytest

from cache.keys import Digests, digest
from cache.recent_pictures import RecentPictures
from fake_recognizers import card
from server import uploads
from server_process import LiveServer, Reply

LENGTH = 300_000  # above what is hashed on the loop


def padded(text: str, length: int = LENGTH) -> bytes:
    """A card with bytes behind its end, all from the same few."""
    return card(text).ljust(length, b"x")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was hashed since."""
    seen: list[bytes] = []

    def noted(data: bytes) -> Digests:
        seen.append(data)
        return digest(data)

    monkeypatch.setattr(uploads, "digest", noted)
    return seen


@pytest.fixture
def recent(wide: LiveServer, monkeypatch: pytest.MonkeyPatch) -> RecentPictures:
    """The server's recent pictures, none so far."""
    new = RecentPictures(2 * LENGTH)
    monkeypatch.setattr(wide.context.service, "_recent", new)
    return new


def check(reply: Reply, text: str, cache: str, picture: bytes) -> None:
    assert (reply.status, reply.text, reply.json["cache"]) == (200, text, cache)
    assert reply.json["md5"] == digest(picture).md5


@pytest.mark.parametrize("length", [1000, LENGTH])
def test_after_its_first_hit_a_picture_is_hashed_no_more(
    wide: LiveServer, recent: RecentPictures, hashed: list[bytes], length: int
) -> None:
    text = f"asked for again and again {length}"
    picture = padded(text, length)
    for outcome in ("miss", "hit", "hit", "hit"):
        check(wide.upload(picture), text, outcome, picture)
    assert hashed == [picture, picture]
    raw = wide.request("POST", "/ocr", picture, {"Content-Type": "image/png"})
    check(raw, text, "hit", picture)
    check(wide.post_json({"image": base64.b64encode(picture).decode()}), text, "hit", picture)
    assert len(hashed) == 2
    assert len(recent) == 1


@pytest.mark.faults(37)
def test_a_picture_that_looks_like_a_recent_one_gets_its_own_text(
    wide: LiveServer, recent: RecentPictures, hashed: list[bytes]
) -> None:
    """They differ in the first bytes only, of which but one is looked at."""
    both = {text: padded(text) for text in ("looks like this", "looks like that")}
    for outcome in ("miss", "hit", "hit"):
        for text, picture in both.items():
            check(wide.upload(picture), text, outcome, picture)
    assert len(recent) == 1
    assert len(hashed) == 6


def test_only_pictures_with_a_kept_answer_are_remembered(
    wide: LiveServer, recent: RecentPictures
) -> None:
    assert wide.upload(padded("read once")).status == 200
    assert wide.upload(padded("read once"), {"Cache-Control": "no-cache"}).json["cache"] == "miss"
    assert wide.upload(b"%PDF".ljust(LENGTH)).status == 415
    assert len(recent) == 0


def test_other_options_are_another_answer_for_a_recent_picture(
    wide: LiveServer, recent: RecentPictures
) -> None:
    picture = padded("options")
    replies = [wide.upload(picture, drop_score=score) for score in ("0.21", "0.21", "0.22", "0.22")]
    assert [reply.json["cache"] for reply in replies] == ["miss", "hit", "miss", "hit"]
    assert [f'"drop_score":0.2{n}' in replies[n].text for n in (1, 2)] == [True, True]
    assert len(recent) == 1
