"""Documents that are kept: sent once, read several times, with their pages as images."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pikepdf
import pytest
from PIL import Image, ImageDraw

from tests.page.keyed_server import KeyedServer
from tests.server.documents.test_documents_http import lines_of, texts_of
from tests.support.cards import card
from tests.support.http_client import Part, Reply, multipart
from tests.support.live_server import LiveServer
from tests.support.pdfs import PdfPage, card_pdf, pdf_of
from tests.support.watching import wait_until

PDF = {"Content-Type": "application/pdf"}


def kept(server: LiveServer, document: bytes, **fields: str) -> str:
    """The id of a document that the server keeps."""
    parts = [
        Part("file", document, "a.pdf"),
        *(Part(each, fields[each].encode()) for each in fields),
    ]
    reply = server.request("POST", "/documents", *multipart(parts))
    assert reply.status == 201, reply.body
    return str(reply.json["document"]["id"])


def page_of(server: LiveServer, id: str, page: int, query: str = "") -> Reply:
    """A page as an image."""
    return server.request("GET", f"/documents/{id}/pages/{page}{query}")


def read(server: LiveServer, id: str, query: str = "") -> Reply:
    """Read a kept document."""
    return server.request("POST", f"/documents/{id}/ocr{query}", b"")


def tiff_of(*images: Image.Image) -> bytes:
    """A TIFF with these pages."""
    written = io.BytesIO()
    images[0].save(written, "TIFF", save_all=True, append_images=images[1:])
    return written.getvalue()


def test_a_document_is_sent_once_and_read_twice(documents: LiveServer) -> None:
    pdf = card_pdf(["kept one", "kept two"])
    reply = documents.request("POST", "/documents", pdf, PDF)
    body = reply.json
    assert (reply.status, body["status"]) == (201, "success")
    document = body["document"]
    assert (document["kind"], document["page_count"], document["size"]) == ("pdf", 2, len(pdf))
    assert reply.headers["Location"] == document["url"] == f"/documents/{document['id']}"
    assert documents.begun("kept one") == 0
    assert texts_of(read(documents, document["id"])) == ["kept one", "kept two"]
    events = lines_of(read(documents, document["id"], "?format=ndjson&pages=2"))
    assert [event["event"] for event in events] == ["meta", "page", "end"]
    assert events[1]["text"] == "kept two"
    assert documents.begun("kept two") == 1
    assert documents.upload(pdf).headers["X-Cache"] == "hit"


def test_a_page_is_a_jpeg_of_the_size_that_is_asked_for(documents: LiveServer) -> None:
    red = PdfPage((400, 200), b"1 0 0 rg 0 0 400 200 re f")
    id = kept(documents, pdf_of([PdfPage(), red]))
    reply = page_of(documents, id, 2, "?side=100")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "image/jpeg")
    assert reply.headers["Cache-Control"] == "no-store"
    image = Image.open(io.BytesIO(reply.body))
    assert image.size == (100, 50)
    red_part, green_part, _ = image.convert("RGB").getpixel((50, 25))  # type: ignore[misc]
    assert red_part > 240
    assert green_part < 20
    assert max(Image.open(io.BytesIO(page_of(documents, id, 1).body)).size) == 1600
    assert page_of(documents, id, 3).code == "not_found"
    assert page_of(documents, id, 1, "?side=5").code == "bad_field"


def test_pages_of_a_tiff_are_upright_and_read_without_the_field_pages(
    documents: LiveServer,
) -> None:
    wide = Image.new("RGB", (300, 100), "white")
    ImageDraw.Draw(wide).rectangle((0, 0, 60, 60), fill="black")
    id = kept(documents, tiff_of(wide, Image.open(io.BytesIO(card("second of the TIFF")))))
    image = Image.open(io.BytesIO(page_of(documents, id, 1, "?side=150").body))
    assert image.size == (150, 50)
    assert image.convert("L").getpixel((10, 10)) < 40  # type: ignore[operator]
    assert texts_of(read(documents, id))[1] == "second of the TIFF"


def test_a_password_is_given_once(documents: LiveServer) -> None:
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf(["behind a password"]))) as pdf:
        pdf.save(written, encryption=pikepdf.Encryption(owner="o", user="swordfish"))
    refused = documents.request("POST", "/documents", written.getvalue(), PDF)
    assert (refused.status, refused.code) == (422, "pdf_encrypted")
    id = kept(documents, written.getvalue(), password="swordfish")
    assert texts_of(read(documents, id)) == ["behind a password"]
    assert page_of(documents, id, 1).status == 200


@pytest.mark.parametrize(
    ("body", "query", "status", "code"),
    [
        (card("no document"), "", 415, "unsupported_format"),
        (b"%PDF-1.7 is all", "", 422, "pdf_broken"),
        (card_pdf(["a"]), "?pages=1", 400, "bad_field"),
        (b"", "", 400, "missing_file"),
    ],
)
def test_what_is_not_kept(
    documents: LiveServer, body: bytes, query: str, status: int, code: str
) -> None:
    reply = documents.request("POST", f"/documents{query}", body, PDF)
    assert (reply.status, reply.code) == (status, code)


def test_fields_that_a_kept_document_does_not_have(documents: LiveServer) -> None:
    id = kept(documents, card_pdf(["a"]))
    assert read(documents, id, "?password=x").code == "bad_field"
    assert read(documents, id, "?pages=2").code == "bad_pages"
    reply = documents.request("POST", f"/documents/{id}/ocr", card("another"), PDF)
    assert reply.code == "bad_field"


def test_a_dropped_document_is_gone(documents: LiveServer) -> None:
    id = kept(documents, card_pdf(["dropped"]))
    assert documents.request("DELETE", f"/documents/{id}").status == 204
    assert documents.request("DELETE", f"/documents/{id}").code == "not_found"
    assert page_of(documents, id, 1).code == "not_found"
    assert read(documents, id).code == "not_found"


def test_a_document_that_nobody_uses_expires(documents: LiveServer) -> None:
    id = kept(documents, card_pdf(["expires"]))
    store = documents.context.documents.kept

    def wait_long() -> None:
        store._kept[id].used_at -= store.keep_seconds

    documents.call(wait_long)
    assert page_of(documents, id, 1).code == "not_found"
    assert documents.call(lambda: id not in store._kept)


def test_the_oldest_documents_give_way(
    documents: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = card_pdf(["gives way"])
    documents.call(documents.context.documents.kept.clear)
    monkeypatch.setattr(documents.context.documents.kept, "_max_bytes", 2 * len(pdf))
    first, second = kept(documents, pdf), kept(documents, pdf)
    assert page_of(documents, first, 1).status == 200
    third = kept(documents, pdf)
    found = [page_of(documents, id, 1).status for id in (first, second, third)]
    assert found == [200, 404, 200]
    monkeypatch.setattr(documents.context.documents.kept, "_max_bytes", len(pdf) - 1)
    assert documents.request("POST", "/documents", pdf, PDF).code == "body_too_large"


def test_erasing_a_result_drops_its_document(documents: LiveServer) -> None:
    pdf = card_pdf(["erased"])
    reply = documents.request("POST", "/documents", pdf, PDF)
    document = reply.json["document"]
    assert documents.request("DELETE", f"/results/{document['md5']}").status == 204
    assert page_of(documents, document["id"], 1).code == "not_found"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedServer]:
    with KeyedServer(tmp_path_factory.mktemp("keyed")) as server:
        yield server


@pytest.fixture
def as_user(keyed: KeyedServer) -> Callable[[str], dict[str, str]]:
    """The headers of a new user."""
    return lambda label: {"Authorization": f"Bearer {keyed.add_key(label=label)}"}


def test_only_the_user_who_has_sent_a_document_sees_it(
    keyed: KeyedServer, as_user: Callable[[str], dict[str, str]]
) -> None:
    anna, bruno = as_user("anna"), as_user("bruno")
    pdf = card_pdf(["a page of Anna"])
    assert keyed.request("POST", "/documents", pdf, PDF).status == 401
    sent = keyed.request("POST", "/documents", pdf, {**PDF, **anna})
    url = sent.json["document"]["url"]
    assert keyed.request("GET", f"{url}/pages/1", headers=anna).status == 200
    for method, path in (("GET", "/pages/1"), ("POST", "/ocr"), ("DELETE", "")):
        body = b"" if method == "POST" else None
        assert keyed.request(method, url + path, body, bruno).code == "not_found"
        assert keyed.request(method, url + path, body).status == 401
    assert keyed.request("DELETE", url, headers=anna).status == 204


def test_keeping_a_document_is_no_recognition(
    keyed: KeyedServer, as_user: Callable[[str], dict[str, str]]
) -> None:
    headers = as_user("carla")
    pdf = card_pdf(["counted once"])
    url = keyed.request("POST", "/documents", pdf, {**PDF, **headers}).json["document"]["url"]

    def counted() -> int:
        reply = keyed.request("GET", "/usage", headers={**headers, "Accept": "application/json"})
        return int(reply.json["usage"]["total"]["images"])

    assert keyed.request("POST", f"{url}/ocr", b"", headers).status == 200
    wait_until(lambda: counted() == 1, "the reading is counted")


def test_a_large_document_is_kept_on_the_disk(documents: LiveServer) -> None:
    pdf = card_pdf(["large"]) + b"%" * (2 << 20)
    id = kept(documents, pdf)
    assert texts_of(read(documents, id)) == ["large"]
    assert page_of(documents, id, 1).status == 200
