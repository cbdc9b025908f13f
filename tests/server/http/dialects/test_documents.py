"""Documents through the dialects whose answers have pages; the others refuse them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server.http.dialects.test_errors import message_of
from tests.support.foreign_calls import CALLS, ForeignCall
from tests.support.live_server import LiveServer
from tests.support.pdfs import card_pdf

TEXTS = ["the first page", "the second page"]
PAGES: dict[str, Callable[[Any], list[str]]] = {
    "paddlex /ocr": lambda answer: [
        page["prunedResult"]["rec_texts"][0] for page in answer["result"]["ocrResults"]
    ],
    "paddlex /layout-parsing": lambda answer: [
        page["markdown"]["text"] for page in answer["result"]["layoutParsingResults"]
    ],
    "mistral /v1/ocr": lambda answer: [page["markdown"] for page in answer["pages"]],
    "open-webui /process": lambda answer: answer["page_content"].split("\f"),
    "ocrspace /parse/image": lambda answer: [
        page["ParsedText"] for page in answer["ParsedResults"]
    ],
    "crnn /dialects/crnn/ocr": lambda answer: answer["text"].split("\f"),
}


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_document_of_two_pages(fluent: LiveServer, call: ForeignCall) -> None:
    reply = call(fluent, card_pdf(TEXTS))
    if str(call) in PAGES:
        assert reply.status == 200, reply.body
        assert PAGES[str(call)](reply.json) == TEXTS
    else:
        message = message_of(reply, call.dialect)
        assert "document" in message or "PDF" in message or call.dialect == "hubserving"


def test_our_own_documents_on_a_shared_path(fluent: LiveServer) -> None:
    reply = fluent.upload(card_pdf(TEXTS), path="/ocr")
    assert [page["text"] for page in reply.json["data"]["pages"]] == TEXTS


def test_the_sizes_of_pages(fluent: LiveServer) -> None:
    (call, *_) = CALLS
    answer = call(fluent, card_pdf(TEXTS)).json
    info = answer["result"]["dataInfo"]
    assert (info["type"], info["numPages"], len(info["pages"])) == ("pdf", 2, 2)
    assert all(page["width"] > 0 for page in info["pages"])
