"""The same image through every dialect: the same text, and one recognition in all."""

from __future__ import annotations

import pytest

from server.settings.dialects import NAMES
from tests.support.cards import card
from tests.support.foreign_calls import CALLS, ForeignCall
from tests.support.live_server import LiveServer


def test_there_is_a_call_for_every_dialect() -> None:
    assert {call.dialect for call in CALLS} == set(NAMES)


def test_the_same_image_is_recognized_once(fluent: LiveServer) -> None:
    image = card("one image\nin many words")
    text = fluent.upload(image, path="/ocr").text
    assert text == "one image\nin many words"
    markdown = fluent.upload(image, path="/ocr", format="markdown").body.decode().rstrip("\n")
    for call in CALLS:
        reply = call(fluent, image)
        assert reply.status == 200, (str(call), reply.body)
        assert call.text(reply.json) == (markdown if call.is_markdown else text), str(call)
    assert fluent.begun("one image") == 1
    assert fluent.outcomes()["miss"] == 1


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_new_image_below_the_prefix(fluent: LiveServer, call: ForeignCall) -> None:
    """Every dialect is also there where no other can be; a miss and a hit give the same."""
    text = f"read by {call}".replace(" /", " at ")
    prefix = "" if call.path.startswith("/dialects/") else f"/dialects/{call.dialect}"
    for _ in range(2):
        reply = call(fluent, card(text), prefix=prefix)
        assert reply.status == 200, reply.body
        assert call.text(reply.json) == text
    assert fluent.begun(text) == 1
