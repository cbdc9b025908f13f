"""Documents over HTTP: their pages, what is refused, streams, what is read again."""

from __future__ import annotations

import base64
import errno
import io
import json
import socket
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from server.intake.spooled_upload import SpooledUpload
from tests.server.documents.conftest import SYNC_PAGES
from tests.support.cards import card, card_frames
from tests.support.http_client import Part, Reply, multipart
from tests.support.live_server import LiveServer
from tests.support.pdfs import (
    PdfWriter,
    card_page,
    card_pdf,
    nested_forms,
    page_tree_loop,
    pdf_of,
    text_page,
)
from tests.support.watching import wait_until


def lines_of(reply: Reply) -> list[dict[str, Any]]:
    """The events of a stream."""
    assert reply.status == 200
    return [json.loads(line) for line in reply.body.splitlines()]


def texts_of(reply: Reply) -> list[str]:
    """The texts of the pages."""
    assert reply.status == 200, reply.body
    return [page["text"] for page in reply.json["data"]["pages"]]


def test_all_pages_of_a_pdf(documents: LiveServer) -> None:
    reply = documents.upload(card_pdf(["page one", "page two", "page three"]))
    body = reply.json
    assert (reply.status, body["status"], body["cache"]) == (200, "success", "miss")
    data = body["data"]
    assert data["page_count"] == 3
    assert data["text"] == "page one\fpage two\fpage three"
    assert [page["page"] for page in data["pages"]] == [1, 2, 3]
    first = data["pages"][0]
    assert (first["source"], first["dpi"], first["width"], first["height"]) == ("ocr", 72, 64, 16)
    assert first["lines"][0]["text"] == "page one"


def test_chosen_pages_and_only_these_are_read(documents: LiveServer) -> None:
    pdf = card_pdf([f"chosen {number}" for number in range(1, 8)])
    assert texts_of(documents.upload(pdf, pages="1-2,5")) == ["chosen 1", "chosen 2", "chosen 5"]
    assert documents.begun("chosen 3") == 0
    again = documents.upload(pdf, pages="1-3")
    assert texts_of(again) == ["chosen 1", "chosen 2", "chosen 3"]
    assert [documents.begun(f"chosen {number}") for number in (1, 2, 3)] == [1, 1, 1]
    hit = documents.upload(pdf, pages="1-3,5")
    assert (hit.json["cache"], hit.headers["X-Cache"]) == ("hit", "hit")


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"pages": "4"}, 400, "bad_pages", "the document has 3 pages"),
        ({"pages": "x"}, 400, "bad_pages", "such as 1-3,7,10-"),
        ({"dpi": "20"}, 400, "bad_field", "dpi = 20"),
        ({"text_layer": "yes"}, 400, "bad_field", "ocr, auto, only"),
        ({"format": "legacy"}, 400, "bad_field", "documents are written as json, text"),
        ({"format": "image"}, 400, "bad_field", "it is for one image"),
    ],
)
def test_fields_that_are_not_accepted(
    documents: LiveServer, fields: dict[str, str], status: int, code: str, message: str
) -> None:
    reply = documents.upload(card_pdf(["a", "b", "c"]), **fields)
    assert (reply.status, reply.code) == (status, code)
    assert message in reply.json["error"]["message"]


def test_too_many_pages(documents: LiveServer) -> None:
    many = card_pdf(["many"] * (SYNC_PAGES + 1))
    reply = documents.upload(many)
    assert (reply.status, reply.code) == (413, "too_many_pages_to_wait")
    assert "block_flag=False" in reply.json["error"]["message"]
    assert len(lines_of(documents.upload(many, format="ndjson"))) == SYNC_PAGES + 3
    reply = documents.upload(card_pdf(["many"] * 41), format="ndjson")
    assert (reply.status, reply.code) == (413, "too_many_pages")
    assert len(texts_of(documents.upload(card_pdf(["many"] * 41), pages="40-"))) == 2


@pytest.mark.faults(100)
def test_a_page_that_fails_does_not_lose_the_others(documents: LiveServer) -> None:
    writer = PdfWriter()
    pages = [card_page(writer, text) for text in ("before", "fail", "after")]
    reply = documents.upload(pdf_of(pages, writer))
    assert (reply.status, reply.json["status"]) == (200, "partial")
    first, second, third = reply.json["data"]["pages"]
    assert (first["text"], third["text"]) == ("before", "after")
    assert second == {"page": 2, "error": second["error"]}
    assert second["error"]["code"] == "internal_error"
    assert reply.headers["X-Failed-Pages"] == "2"
    assert reply.json["data"]["text"] == "before\f\fafter"


@pytest.mark.faults(100)
def test_a_bomb_between_pages_costs_only_its_page(documents: LiveServer) -> None:
    with pikepdf.open(io.BytesIO(card_pdf(["before", "after"]))) as pdf:
        with pikepdf.open(io.BytesIO(nested_forms())) as bomb:
            pdf.pages.insert(1, bomb.pages[0])
        written = io.BytesIO()
        pdf.save(written)
    events = lines_of(documents.upload(written.getvalue(), format="ndjson", ordered="true"))
    assert [event["event"] for event in events] == ["meta", "page", "page_error", "page", "end"]
    assert events[2]["error"]["code"] in ("page_timeout", "page_failed")
    assert events[3]["text"] == "after"
    assert events[4] == {"event": "end", "pages": 2, "failed": 1}


def test_if_no_page_can_be_read_the_request_fails(documents: LiveServer) -> None:
    reply = documents.upload(page_tree_loop())
    assert (reply.status, reply.code) == (422, "page_failed")
    reply = documents.upload(b"%PDF-1.7 is all")
    assert (reply.status, reply.code) == (422, "pdf_broken")


@pytest.mark.faults(97)
def test_a_password_opens_a_document_and_is_seen_nowhere(
    documents: LiveServer, lines: list[str]
) -> None:
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf(["a secret page"]))) as pdf:
        pdf.save(written, encryption=pikepdf.Encryption(owner="o", user="swordfish"))
    data = written.getvalue()
    for fields in ({}, {"password": "guess"}):
        reply = documents.upload(data, **fields)
        assert (reply.status, reply.code) == (422, "pdf_encrypted")
    reply = documents.upload(data, password="swordfish")
    assert texts_of(reply) == ["a secret page"]
    refused = documents.upload(data)  # although the page is cached
    assert refused.code == "pdf_encrypted"
    reply = documents.request(
        "POST", "/ocr?password=swordfish", data, {"Content-Type": "application/pdf"}
    )
    assert (reply.status, reply.code) == (400, "bad_field")
    assert not [line for line in lines if "swordfish" in line]
    keys = documents.call(documents.context.service.cache.keys)
    assert keys
    assert not [key for key in keys if "swordfish" in str(key)]


def test_a_text_layer_is_read_only_where_it_is_asked_for(documents: LiveServer) -> None:
    writer = PdfWriter()
    pdf = pdf_of([card_page(writer, "drawn"), text_page(["Typed by somebody."])], writer)
    assert texts_of(documents.upload(pdf)) == ["drawn", ""]
    auto = documents.upload(pdf, text_layer="auto").json["data"]["pages"]
    assert [page["source"] for page in auto] == ["ocr", "text_layer"]
    assert [page["text"] for page in auto] == ["drawn", "Typed by somebody."]
    again = documents.upload(pdf, text_layer="auto")
    assert again.json["cache"] == "hit"
    only = documents.upload(pdf, text_layer="only").json["data"]["pages"]
    assert [page["text"] for page in only] == ["", "Typed by somebody."]


@pytest.mark.parametrize("format", ["TIFF", "GIF"])
def test_pages_of_an_image_are_read_if_they_are_asked_for(
    documents: LiveServer, format: str
) -> None:
    data = card_frames(format, [f"{format} 1", f"{format} 2", f"{format} 3"])
    plain = documents.upload(data)
    assert (plain.text, plain.json["data"]["frames"]) == (f"{format} 1", 3)
    reply = documents.upload(data, pages="2-")
    assert texts_of(reply) == [f"{format} 2", f"{format} 3"]
    assert "dpi" not in reply.json["data"]["pages"][0]


def test_an_image_has_one_page(documents: LiveServer) -> None:
    assert documents.upload(card("an image"), pages="1", dpi="300").text == "an image"
    reply = documents.upload(card("an image"), pages="2")
    assert (reply.status, reply.code) == (400, "bad_pages")
    events = lines_of(documents.upload(card("an image"), format="ndjson"))
    assert [event["event"] for event in events] == ["meta", "page", "end"]


@pytest.mark.parametrize("format", ["text", "markdown", "tsv", "hocr", "alto"])
def test_other_formats_have_the_numbers_of_the_pages(documents: LiveServer, format: str) -> None:
    reply = documents.upload(card_pdf(["one", "two", "three"]), pages="2-3", format=format)
    assert reply.status == 200
    written = reply.body.decode()
    if format == "text":
        assert written == "two\fthree\n"
    elif format == "markdown":
        assert written == "<!-- page 2 -->\n\ntwo\n\n<!-- page 3 -->\n\nthree\n"
    elif format == "tsv":
        rows = [row.split("\t") for row in written.splitlines()[1:]]
        assert {row[1]: row[11] for row in rows if row[0] == "5"} == {"2": "two", "3": "three"}
    else:
        root = ET.fromstring(written)
        found = [each for each in root.iter() if "page_" in each.get("id", each.get("ID", ""))]
        assert [each.get("id", each.get("ID")) for each in found] == ["page_2", "page_3"]


def test_every_way_to_send_a_document(documents: LiveServer) -> None:
    pdf = card_pdf(["sent"])
    (documents.images / "sent.pdf").write_bytes(pdf)
    replies = [
        documents.request("POST", "/ocr", pdf, {"Content-Type": "application/pdf"}),
        documents.request("POST", "/ocr", pdf, {"Content-Type": "application/octet-stream"}),
        documents.request(
            "POST", "/ocr", pdf, {"Content-Type": "application/x-www-form-urlencoded"}
        ),
        documents.post_json({"image": base64.b64encode(pdf).decode(), "pages": 1}),
        documents.post_json({"filename": "sent.pdf"}),
        documents.upload(pdf, path="/ocr"),
    ]
    assert [texts_of(reply) for reply in replies] == [["sent"]] * 6
    assert documents.begun("sent") == 1


def test_what_comes_before_the_header_of_a_pdf_does_not_matter(documents: LiveServer) -> None:
    assert texts_of(documents.upload(b"\r\nfrom a scanner\r\n" + card_pdf(["late"]))) == ["late"]


def padded(megabytes: int) -> bytes:
    """A document of this size."""
    writer = PdfWriter()
    writer.stream(b"", bytes(megabytes << 20))
    return pdf_of([card_page(writer, "a large file")], writer)


def test_a_large_document_goes_to_the_disk(documents: LiveServer) -> None:
    """Images have a limit of 1 MB here."""
    documents.call(lambda: setattr(documents.context.inflight, "peak", 0))
    assert texts_of(documents.upload(padded(8), dpi="72")) == ["a large file"]
    reply = documents.request("POST", "/ocr?dpi=72", padded(8), {"Content-Type": "application/pdf"})
    assert (texts_of(reply), reply.json["cache"]) == (["a large file"], "hit")
    assert documents.call(lambda: documents.context.inflight.peak) < 7 << 20
    assert documents.call(lambda: documents.context.inflight.received) == 0
    reply = documents.upload(padded(13))
    assert (reply.status, reply.code) == (413, "body_too_large")
    image = card("x").ljust(2 << 20, b"\0")
    reply = documents.upload(image)
    assert (reply.status, reply.code) == (413, "body_too_large")


@pytest.mark.parametrize("megabytes", [0, 8])
def test_a_disk_that_is_full_when_a_document_arrives(
    documents: LiveServer, monkeypatch: pytest.MonkeyPatch, megabytes: int
) -> None:
    """From the first part on, or only when the last part is written."""
    pdf = padded(8)
    real_write = SpooledUpload._write

    def write(upload: SpooledUpload, chunks: Sequence[bytes | memoryview]) -> None:
        if upload.size >= min(megabytes << 20, len(pdf)):
            raise OSError(errno.ENOSPC, "No space left on device")
        real_write(upload, chunks)

    monkeypatch.setattr(SpooledUpload, "_write", write)
    reply = documents.upload(pdf)
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    assert documents.call(lambda: documents.context.inflight.received) == 0


def test_pages_are_sent_as_they_are_ready(documents: LiveServer, gate: Path) -> None:
    pdf = card_pdf(["ready", f"hold {gate}", "also ready"])
    body, headers = multipart([Part("format", b"ndjson"), Part("file", pdf, "a.pdf")])
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", documents.port), timeout=10) as connection:
        connection.sendall(
            f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"{sent}\r\n".encode()
            + body
        )
        received = b""
        while received.count(b'"event":"page"') < 2:
            received += connection.recv(65536)
        assert b"also ready" in received
        assert b"hold" not in received
        gate.unlink()
        while b'"event":"end"' not in received:
            received += connection.recv(65536)


def test_in_order_if_that_is_asked_for(documents: LiveServer) -> None:
    pdf = card_pdf(["take 0.3 first", "second", "third"])
    events = lines_of(documents.upload(pdf, format="ndjson", ordered="true"))
    assert [event.get("page") for event in events] == [None, 1, 2, 3, None]


@pytest.mark.faults(101)
def test_a_client_that_leaves_ends_the_reading(documents: LiveServer, gate: Path) -> None:
    pdf = card_pdf([f"hold {gate} {number}" for number in range(20)])
    body, headers = multipart([Part("format", b"ndjson"), Part("file", pdf, "a.pdf")])
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection(("127.0.0.1", documents.port), timeout=10)
    connection.sendall(
        f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"{sent}\r\n".encode()
        + body
    )
    wait_until(lambda: documents.running() == 2, "two pages are being read")
    wait_until(lambda: documents.queued() == 1, "only the next page is in the backlog")
    connection.close()
    wait_until(lambda: documents.queued() == 0, "nothing waits")
    gate.unlink()
    documents.check_whole()
    assert sum(documents.begun(f"hold {gate} {number}") for number in range(20)) == 2


@pytest.mark.faults(102)
def test_a_long_document_does_not_hold_up_an_image(documents: LiveServer, gate: Path) -> None:
    """The image is read before all pages but those that have begun."""
    pdf = card_pdf([f"hold {gate} of many {number}" for number in range(12)])
    body, headers = multipart([Part("format", b"ndjson"), Part("file", pdf, "a.pdf")])
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", documents.port), timeout=10) as stream:
        stream.sendall(
            f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"{sent}\r\n".encode()
            + body
        )
        wait_until(lambda: documents.running() == 2, "two pages are being read")
        with documents.send(card("a single image")) as single:
            wait_until(lambda: documents.queued() == 2, "the image waits with one page")
            gate.unlink()
            assert b"a single image" in single.recv(65536)
        received = b""
        while b'"event":"end"' not in received:
            received += stream.recv(65536)
    begun = [line for line in documents.journal.read_text().splitlines() if " begin " in line]
    place = next(n for n, line in enumerate(begun) if line.endswith("a single image"))
    assert place <= 3


def test_the_same_document_twice_together_is_read_once(documents: LiveServer, gate: Path) -> None:
    pdf = card_pdf([f"hold {gate} shared"])
    first, second = documents.send(pdf), documents.send(pdf)
    wait_until(lambda: documents.running() == 1, "it is being read")
    wait_until(lambda: documents.outcomes().get("joined", 0) == 1, "the other one has joined")
    gate.unlink()
    for connection in (first, second):
        assert b'"status":"success"' in connection.recv(65536)
        connection.close()
    assert documents.begun(f"hold {gate} shared") == 1


def test_usage_and_metrics_count_pages(documents: LiveServer) -> None:
    before = documents.metric("ocr_document_pages_total", result="miss")
    documents.upload(card_pdf(["counted 1", "counted 2"]))
    assert documents.metric("ocr_document_pages_total", result="miss") == before + 2
    assert documents.metric("ocr_renderers") >= 1
    renderers = documents.health()["renderers"]
    assert renderers[0]["state"] == "idle"


def test_erasing_the_results_of_a_document_erases_its_pages(documents: LiveServer) -> None:
    pdf = card_pdf(["to be erased"])
    md5 = documents.upload(pdf).json["md5"]
    assert documents.upload(pdf).json["cache"] == "hit"
    assert documents.request("DELETE", f"/results/{md5}").status == 204
    assert documents.upload(pdf).json["cache"] == "miss"
