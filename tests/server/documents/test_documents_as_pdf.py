"""Documents as searchable PDFs: waiting requests and jobs, what is refused, what is left behind."""

from __future__ import annotations

import contextlib
import hashlib
import io
import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import pdfa
from PIL import Image

from ocr_engine.pool.spawning import spawn_process
from server.formats.pdf import process
from tests.support.cards import card
from tests.support.http_client import Client, Part, Reply, multipart
from tests.support.live_server import LiveServer
from tests.support.made_pdfs import signed_pdf
from tests.support.pdfs import (
    PdfWriter,
    card_page,
    card_pdf,
    nested_forms,
    pdf_of,
    text_page,
)
from tests.support.text_layers import in_pdfium, in_pypdf, rendered
from tests.support.watching import wait_until

PDF = "application/pdf"
TEXTS = ["page one", "北门 & more", "third page"]


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Every process that wrote a PDF is gone after the test."""
    yield
    wait_until(lambda: not writers(), "the end of all writers")


def writers() -> list[int]:
    """The processes that write PDFs."""
    found = multiprocessing.active_children()
    return [each.pid for each in found if each.name == "ocr-pdf" and each.pid is not None]


def texts_in(data: bytes) -> list[str]:
    """The text of each page, as PDFium reads it."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        count = len(pdf.pages)
    return [in_pdfium(data, number) for number in range(count)]


def written(reply: Reply) -> bytes:
    assert (reply.status, reply.headers.get("Content-Type")) == (200, PDF), reply.body
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    return reply.body


def job_of(server: Client, pdf: bytes, **fields: str) -> str:
    """The URL of a job that is done."""
    reply = server.upload(pdf, block_flag="false", **fields)
    assert reply.status == 202, reply.body
    url: str = reply.json["job"]["url"]
    assert server.get(f"{url}?wait=20").headers["X-Job-State"] == "done"
    return url


@pytest.mark.parametrize(("path", "format"), [("/ocr", "pdf"), ("/ocr_service", "pdfa")])
def test_the_text_of_each_page_is_that_of_the_json(
    documents: LiveServer, path: str, format: str
) -> None:
    pdf = card_pdf(TEXTS)
    made = written(documents.upload(pdf, path=path, format=format))
    pages = documents.upload(pdf, path=path).json["data"]["pages"]
    assert texts_in(made) == [page["text"] for page in pages] == TEXTS
    assert [in_pypdf(made, number) for number in range(3)] == TEXTS
    for number in range(3):
        assert rendered(made, number).tobytes() == rendered(pdf, number).tobytes()
    assert pdfa.validate_written(io.BytesIO(made), "2b").passed == (format == "pdfa")


def test_a_page_is_read_once_for_all_formats_with_words(documents: LiveServer) -> None:
    pdf = card_pdf(["read once", "and this"])
    first = documents.upload(pdf, format="pdf")
    assert (written(first), first.headers["X-Cache"]) == (first.body, "miss")
    again = documents.upload(pdf, format="pdf")
    assert (again.body, again.headers["X-Cache"]) == (first.body, "hit")
    assert documents.upload(pdf, format="tsv").headers["X-Cache"] == "hit"
    assert documents.begun("read once") == 1


def test_only_chosen_pages_get_a_text_and_all_stay(documents: LiveServer) -> None:
    pdf = card_pdf(["chosen 1", "chosen 2", "chosen 3"])
    made = written(documents.upload(pdf, format="pdf", pages="2"))
    assert texts_in(made) == ["", "chosen 2", ""]
    assert documents.begun("chosen 1") == 0


def test_a_page_that_fails_stays_as_it_is(documents: LiveServer) -> None:
    writer = PdfWriter()
    pages = [card_page(writer, text) for text in ("before", "fail", "after")]
    pdf = pdf_of(pages, writer)
    reply = documents.upload(pdf, format="pdf")
    assert texts_in(written(reply)) == ["before", "", "after"]
    assert reply.headers["X-Failed-Pages"] == "2"
    assert rendered(reply.body, 1).tobytes() == rendered(pdf, 1).tobytes()
    reply = documents.get(f"{job_of(documents, pdf)}/result?format=pdf")
    assert texts_in(written(reply)) == ["before", "", "after"]
    assert reply.headers["X-Failed-Pages"] == "2"


def test_a_document_of_which_no_page_can_be_read(documents: LiveServer) -> None:
    reply = documents.upload(nested_forms(), format="pdf")
    assert reply.status == 422
    assert reply.code in ("page_timeout", "page_failed")


def layered() -> bytes:
    """A scan that somebody has read before, and a page that a program wrote."""
    writer = PdfWriter()
    scan = card_page(writer, "as it is read")
    old = text_page(["an old layer"], (64, 16), 6, mode=3)
    both = scan.resources + old.resources
    content = scan.content + b" BT /F 6 Tf 3 Tr 1 0 0 1 4 4 Tm (an old layer) Tj ET"
    page = type(scan)(scan.size, content, both)
    return pdf_of([page, text_page(["Typed by somebody."])], writer)


@pytest.mark.parametrize(
    ("choice", "scan", "typed"),
    [
        ("ocr", "as it is read", "Typed by somebody."),
        ("auto", "as it is read", "Typed by somebody."),
        ("only", "an old layer", "Typed by somebody."),
    ],
)
def test_a_text_layer_is_replaced_or_kept(
    documents: LiveServer, choice: str, scan: str, typed: str
) -> None:
    made = written(documents.upload(layered(), format="pdf", text_layer=choice))
    assert [text.strip() for text in texts_in(made)] == [scan, typed]


def frames(format: str, texts: list[str]) -> bytes:
    first, *others = [Image.open(io.BytesIO(card(text))) for text in texts]
    made = io.BytesIO()
    first.save(made, format, save_all=True, append_images=others)
    return made.getvalue()


@pytest.mark.parametrize("format", ["TIFF", "GIF"])
def test_pages_of_an_image_become_pages_of_a_pdf(documents: LiveServer, format: str) -> None:
    data = frames(format, [f"{format} 1", "fail", f"{format} 3", f"{format} 4"])
    reply = documents.upload(data, pages="1-3", format="pdf")
    assert texts_in(written(reply)) == [f"{format} 1", "", f"{format} 3"]
    assert reply.headers["X-Failed-Pages"] == "2"


def locked() -> bytes:
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf(["locked"]))) as pdf:
        pdf.save(made, encryption=pikepdf.Encryption(owner="o", user="swordfish"))
    return made.getvalue()


@pytest.mark.parametrize("block", ["true", "false"])
@pytest.mark.parametrize(
    ("pdf", "fields", "code"),
    [
        (signed_pdf(), {}, "pdf_signed"),
        (locked(), {}, "pdf_encrypted"),
        (locked(), {"password": "swordfish"}, "pdf_encrypted"),
        (b"%PDF-1.7 is all", {}, "pdf_broken"),
    ],
    ids=["signed", "encrypted", "with its password", "broken"],
)
def test_what_may_not_be_written_again_is_not_read(
    documents: LiveServer, pdf: bytes, fields: dict[str, str], code: str, block: str
) -> None:
    reply = documents.upload(pdf, format="pdf", block_flag=block, **fields)
    assert (reply.status, reply.code) == (422, code)
    assert documents.begun("locked") == 0
    assert documents.outcomes() == {}
    assert documents.call(lambda: documents.context.inflight.received) == 0


def test_the_result_of_a_job_without_reading_again(documents: LiveServer) -> None:
    texts = [f"job page {number}" for number in range(7)]
    url = job_of(documents, card_pdf(texts))
    begun = documents.begun("job page 1")
    for format in ("pdf", "pdfa"):
        made = written(documents.get(f"{url}/result?format={format}"))
        assert texts_in(made) == texts
    assert pdfa.validate_written(io.BytesIO(made), "2b").passed
    assert documents.begun("job page 1") == begun
    own = job_of(documents, card_pdf(["as it was asked"]), format="pdf")
    assert texts_in(written(documents.get(own))) == ["as it was asked"]


def test_a_signed_document_has_results_in_other_formats(documents: LiveServer) -> None:
    url = job_of(documents, signed_pdf())
    assert documents.get(f"{url}/result?format=text").status == 200
    reply = documents.get(f"{url}/result?format=pdf")
    assert (reply.status, reply.code) == (422, "pdf_signed")


def test_an_idempotency_key_makes_a_pdf_again_from_the_cache(documents: LiveServer) -> None:
    body, headers = multipart(
        [Part("format", b"pdf"), Part("file", card_pdf(["asked twice"]), "a.pdf")]
    )
    headers["Idempotency-Key"] = "the-same-pdf"
    first, second = (documents.request("POST", "/ocr", body, headers) for _ in range(2))
    assert texts_in(written(first)) == texts_in(written(second)) == ["asked twice"]
    assert documents.begun("asked twice") == 1


@contextlib.contextmanager
def sent(server: LiveServer, pdf: bytes, **fields: str) -> Iterator[socket.socket]:
    """A connection on which a request for a PDF was sent."""
    parts = [Part(name, value.encode()) for name, value in {"format": "pdf", **fields}.items()]
    body, headers = multipart([*parts, Part("file", pdf, "a.pdf")])
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(
            f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"{lines}\r\n".encode()
            + body
        )
        yield connection


def test_a_client_that_leaves_ends_the_writer(documents: LiveServer, gate: Path) -> None:
    with sent(documents, card_pdf([f"hold {gate} {number}" for number in range(5)])):
        wait_until(lambda: documents.running() == 2, "two pages are being read")
        assert len(writers()) == 1
    wait_until(lambda: not writers() and documents.queued() == 0, "nothing is left")
    gate.unlink()
    documents.check_whole()


def test_a_writer_that_is_killed_costs_no_recognition(documents: LiveServer, gate: Path) -> None:
    pdf = card_pdf(["before it", f"hold {gate} after it"])
    with sent(documents, pdf) as connection:
        wait_until(lambda: documents.begun(f"hold {gate} after it") == 1, "the second page")
        for writer in writers():
            os.kill(writer, signal.SIGKILL)
        wait_until(lambda: not writers(), "its end")
        gate.unlink()
        answer = connection.recv(65536)
    assert b"HTTP/1.1 422" in answer
    assert b'"pdf_broken"' in answer
    made = documents.upload(pdf, format="pdf")
    assert (texts_in(written(made))[0], made.headers["X-Cache"]) == ("before it", "hit")


def test_at_most_so_many_writers_at_once(documents: LiveServer, gate: Path) -> None:
    most = 2 * len(os.sched_getaffinity(0))
    with contextlib.ExitStack() as connections:
        for number in range(most + 2):
            pdf = card_pdf([f"hold {gate} writer {number}"])
            connections.enter_context(sent(documents, pdf))
        late = connections.enter_context(sent(documents, card_pdf(["too late"]), timeout_ms="500"))
        wait_until(lambda: len(writers()) == most, "all that may write")
        answer = late.recv(65536)
        assert b'"queue_timeout"' in answer
        assert len(writers()) == most
        gate.unlink()


def test_files_are_gone_with_the_results(documents: LiveServer) -> None:
    def unnamed() -> int:
        """How many files without a name this process, which has the server, has open."""
        found = 0
        for each in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found += os.readlink(each).endswith("(deleted)")
        return found

    before = unnamed()
    pdf = card_pdf(["sent and gone"])
    for _ in range(3):
        written(documents.upload(pdf, {"Cache-Control": "no-cache"}, format="pdf"))
    wait_until(lambda: unnamed() <= before + 1, "all but the last one are closed")
    assert documents.request("DELETE", f"/results/{hashlib.md5(pdf).hexdigest()}").status == 204
    wait_until(lambda: unnamed() <= before, "it is closed")


def test_a_document_that_was_written_is_sent_again(
    documents: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def counting(*arguments: Any) -> Any:
        started.append("a writer")
        return spawn_process(*arguments)

    monkeypatch.setattr(process, "spawn_process", counting)
    pdf = card_pdf(["written once", "sent twice"])
    first = documents.upload(pdf, format="pdf")
    again = documents.upload(pdf, format="pdf")
    assert (again.body, again.headers["X-Cache"]) == (written(first), "hit")
    assert len(started) == 1
    other = documents.upload(pdf, format="pdf", pages="2")
    assert texts_in(written(other)) == ["", "sent twice"]
    assert len(started) == 2
    new = documents.upload(pdf, {"Cache-Control": "no-cache"}, format="pdf")
    assert (texts_in(written(new)), new.headers["X-Cache"]) == (texts_in(first.body), "miss")
    assert len(started) == 3


def test_a_written_document_is_dropped_with_the_results_of_its_pages(
    documents: LiveServer,
) -> None:
    pdf = card_pdf(["erase this one"])
    md5 = hashlib.md5(pdf).hexdigest()
    written(documents.upload(pdf, format="pdf"))
    files = documents.context.service.files
    before = len(files)
    assert documents.request("DELETE", f"/results/{md5}").status == 204
    assert len(files) == before - 1
    assert documents.upload(pdf, format="pdf").headers["X-Cache"] == "miss"


def test_a_document_with_a_page_that_failed_is_written_again(documents: LiveServer) -> None:
    writer = PdfWriter()
    pdf = pdf_of([card_page(writer, text) for text in ("good page", "fail")], writer)
    before = len(documents.context.service.files)
    assert documents.upload(pdf, format="pdf").headers["X-Failed-Pages"] == "2"
    assert len(documents.context.service.files) == before
