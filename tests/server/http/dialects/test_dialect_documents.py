"""Documents through the dialects whose answers have pages; the others refuse them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from pikepdf import Encryption

from server.database.location import Location
from tests.support.cards import card
from tests.support.foreign_calls import (
    CALLS,
    ForeignCall,
    as_body,
    as_form,
    base64_of,
    data_url,
    path_in,
)
from tests.support.foreign_errors import error_in
from tests.support.keys import add_key_now
from tests.support.live_server import LiveServer
from tests.support.made_pdfs import opened, saved, signed_pdf
from tests.support.pdfs import PdfWriter, card_page, card_pdf, pdf_of
from tests.support.text_layers import in_pdfium
from tests.support.watching import wait_until

TEXTS = ["the first page", "the second page"]
PAGES: dict[str, Callable[[Any], list[str]]] = {
    "paddlex /ocr": lambda answer: [
        page["prunedResult"]["rec_texts"][0] for page in answer["result"]["ocrResults"]
    ],
    "paddlex /layout-parsing": lambda answer: [
        page["markdown"]["text"] for page in answer["result"]["layoutParsingResults"]
    ],
    "openai /v1/chat/completions": lambda answer: answer["choices"][0]["message"]["content"].split(
        "\f"
    ),
    "mistral /v1/ocr": lambda answer: [page["markdown"] for page in answer["pages"]],
    "open-webui /process": lambda answer: answer["page_content"].split("\f"),
    "ocrspace /parse/image": lambda answer: [
        page["ParsedText"] for page in answer["ParsedResults"]
    ],
    "crnn /dialects/crnn/ocr": lambda answer: answer["text"].split("\f"),
    "azure-read /vision/v3.2/read/analyze": lambda answer: [
        page["lines"][0]["text"] for page in answer["analyzeResult"]["readResults"]
    ],
    "azure-documents /documentintelligence/documentModels/prebuilt-read:analyze": lambda answer: (
        answer["analyzeResult"]["content"].split("\f")
    ),
}


def jobs_api() -> ForeignCall:
    (found,) = (call for call in CALLS if call.dialect == "paddleocr-jobs")
    return found


@pytest.mark.parametrize("call", [call for call in CALLS if str(call) in PAGES], ids=str)
def test_a_document_of_two_pages(fluent: LiveServer, call: ForeignCall) -> None:
    reply = call(fluent, card_pdf(TEXTS))
    assert reply.status == 200, reply.body
    assert PAGES[str(call)](reply.json) == TEXTS


@pytest.mark.parametrize("call", [call for call in CALLS if str(call) in PAGES], ids=str)
def test_documents_that_are_refused(fluent: LiveServer, call: ForeignCall) -> None:
    """No message names a field that only this server's own API has."""
    locked = saved(opened(card_pdf(TEXTS)), encryption=Encryption(owner="o", user="u"))
    below = f"/dialects/{call.dialect}" if call.path == "/ocr" else ""
    message = error_in(call(fluent, locked, prefix=below), call.dialect).message
    assert message == "the document is encrypted; send it without its password"
    if not call.is_job:
        most = fluent.context.settings.documents.sync_pages
        long = card_pdf(["one of many"] * (most + 1))
        message = error_in(call(fluent, long, prefix=below), call.dialect).message
        assert message == f"the document has more than {most} pages; send it in parts"
        assert fluent.begun("one of many") == 0


def test_our_own_documents_on_a_shared_path(fluent: LiveServer) -> None:
    reply = fluent.upload(card_pdf(TEXTS), path="/ocr")
    assert [page["text"] for page in reply.json["data"]["pages"]] == TEXTS


def test_the_sizes_of_pages(fluent: LiveServer) -> None:
    (call, *_) = CALLS
    answer = call(fluent, card_pdf(TEXTS)).json
    info = answer["result"]["dataInfo"]
    assert (info["type"], info["numPages"], len(info["pages"])) == ("pdf", 2, 2)
    assert all(page["width"] > 0 for page in info["pages"])


def test_the_job_api_has_a_line_for_each_page(fluent: LiveServer) -> None:
    reply = jobs_api()(fluent, card_pdf(TEXTS))
    results = [json.loads(line)["result"] for line in reply.body.splitlines()]
    shown = [result["ocrResults"][0]["prunedResult"]["rec_texts"] for result in results]
    assert shown == [[text] for text in TEXTS]
    assert all(result["dataInfo"]["type"] == "pdf" for result in results)


def test_the_job_api_takes_ranges_of_pages(fluent: LiveServer) -> None:
    send = as_form("file", model="PP-OCRv6", pageRanges="2")
    job = send(fluent, jobs_api().path, card_pdf(TEXTS), {}).json["data"]["jobId"]
    state = fluent.get(f"{jobs_api().path}/{job}").json["data"]
    assert (state["state"], state["extractProgress"]["totalPages"]) == ("done", 1)
    (line,) = fluent.get(path_in(state["resultUrl"]["jsonUrl"])).body.splitlines()
    (page,) = json.loads(line)["result"]["ocrResults"]
    assert page["prunedResult"]["rec_texts"] == [TEXTS[1]]


DOCUMENTS = "/documentintelligence/documentModels/prebuilt-read"


def test_the_three_calls_of_paperless(fluent: LiveServer) -> None:
    """Its parser sends the document, polls, and fetches the searchable PDF."""
    texts = [*TEXTS, "第三页"]
    asked = json.dumps({"base64Source": base64_of(card_pdf(texts))}).encode()
    query = "api-version=2024-11-30&outputContentFormat=text&output=pdf"
    json_type = {"Content-Type": "application/json"}
    started = fluent.request("POST", f"{DOCUMENTS}:analyze?{query}", asked, json_type)
    assert started.status == 202
    address = path_in(started.headers["Operation-Location"])
    answer = fluent.get(f"{address}?api-version=2024-11-30").json
    assert answer["status"] == "succeeded"
    result = answer["analyzeResult"]
    assert result["content"].split("\f") == texts
    for page, text in zip(result["pages"], texts, strict=True):
        (span,) = page["spans"]
        start = span["offset"]
        assert result["content"][start : start + span["length"]] == text
        assert (page["unit"], page["height"]) == ("inch", round(16 / 72, 4))
        assert page["lines"][0]["polygon"][4] == round(40 / 72, 4)
    pdf = fluent.get(f"{address}/pdf?api-version=2024-11-30")
    assert (pdf.status, pdf.headers["Content-Type"]) == (200, "application/pdf")
    assert [in_pdfium(pdf.body, number) for number in range(3)] == texts


def test_pages_of_azure(fluent: LiveServer) -> None:
    pdf = card_pdf([f"chosen by azure {number}" for number in (1, 2, 3)])
    for path, name in (
        (f"{DOCUMENTS}:analyze", "pages"),
        ("/vision/v3.2/read/analyze", "readResults"),
    ):
        started = as_body()(fluent, f"{path}?pages=2-3", pdf, {})
        answer = fluent.get(path_in(started.headers["Operation-Location"])).json
        pages = answer["analyzeResult"][name]
        assert [page.get("page", page.get("pageNumber")) for page in pages] == [2, 3]
    assert fluent.begun("chosen by azure 1") == 0


@pytest.mark.parametrize("path", [f"{DOCUMENTS}:analyze?output=pdf", "/api/v2/ocr/jobs"])
def test_a_document_larger_than_an_image_may_be(fluent: LiveServer, path: str) -> None:
    writer = PdfWriter()
    writer.stream(b"", bytes(5 << 20))
    pdf = pdf_of([card_page(writer, "a large file")], writer)
    send = as_form("file", model="PP-OCRv6") if "jobs" in path else as_body()
    started = send(fluent, path, pdf, {})
    assert started.status in (200, 202), started.body


def test_a_signed_document_is_refused_before_it_is_read(fluent: LiveServer) -> None:
    reply = as_body()(fluent, f"{DOCUMENTS}:analyze?output=pdf", signed_pdf(), {})
    assert (reply.status, reply.json["error"]["code"]) == (400, "pdf_signed")


def baidu(server: LiveServer, **fields: str) -> Any:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(fields).encode()
    reply = server.request("POST", "/rest/2.0/ocr/v1/general_basic", body, form)
    assert reply.status == 200
    return reply.json


def test_a_page_of_a_pdf_for_baidu(fluent: LiveServer) -> None:
    """The first one, unless another one is asked for; its clients know how many there are."""
    pdf = base64_of(card_pdf(TEXTS))
    for number, text in ((None, TEXTS[0]), ("1", TEXTS[0]), ("2", TEXTS[1])):
        more = {} if number is None else {"pdf_file_num": number}
        answer = baidu(fluent, pdf_file=pdf, **more)
        assert [line["words"] for line in answer["words_result"]] == [text]
        assert answer["pdf_file_size"] == "2"
    assert baidu(fluent, pdf_file=pdf, pdf_file_num="3")["error_code"] == 216100
    assert baidu(fluent, pdf_file=pdf, pdf_file_num="1-2")["error_code"] == 216100
    assert baidu(fluent, ofd_file=pdf)["error_code"] == 216100
    both = baidu(fluent, image=base64_of(card("an image comes first")), pdf_file=pdf)
    assert both["words_result"] == [{"words": "an image comes first"}]
    assert "pdf_file_size" not in both


def asked_of_openai(server: LiveServer, *parts: object, prompt: str = "Read.") -> Any:
    content = [{"type": "text", "text": prompt}, *parts]
    body = {"model": "gpt", "messages": [{"role": "user", "content": content}]}
    return server.post_json(body, path="/v1/chat/completions")


def file_part(data: bytes) -> dict[str, Any]:
    url = f"data:application/pdf;base64,{base64_of(data)}"
    return {"type": "file", "file": {"filename": "x.pdf", "file_data": url}}


def test_file_parts_of_openai(fluent: LiveServer) -> None:
    """As its client sends PDFs; also next to images."""
    texts = ["sent as a file part", "with a second page"]
    image = {"type": "image_url", "image_url": {"url": data_url(card("an image"))}}
    reply = asked_of_openai(fluent, file_part(card_pdf(texts)), image)
    content = reply.json["choices"][0]["message"]["content"]
    assert content == f"{texts[0]}\f{texts[1]}\n\nan image"
    reply = asked_of_openai(fluent, file_part(card_pdf(texts)), prompt="As Markdown.")
    assert reply.json["choices"][0]["message"]["content"] == "\n\n".join(texts)
    assert fluent.begun(texts[0]) == 1, "the pages were cached"
    by_id = asked_of_openai(fluent, {"type": "file", "file": {"file_id": "file-1"}})
    assert (by_id.status, by_id.json["error"]["code"]) == (400, "bad_field")
    assert "file_data" in by_id.json["error"]["message"]
    broken = asked_of_openai(fluent, file_part(b"%PDF-1.7\nbroken"))
    assert (broken.status, broken.json["error"]["code"]) == (422, "pdf_broken")


def test_pages_of_openai_count(guarded: LiveServer, place: Location) -> None:
    """For quota and usage, as pages of our own API do."""
    _, key = add_key_now(place, daily_quota=3)
    bearer = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(texts: list[str]) -> Any:
        content = [file_part(card_pdf(texts))]
        body = json.dumps({"messages": [{"role": "user", "content": content}]}).encode()
        return guarded.request("POST", "/v1/chat/completions", body, bearer)

    assert post(["counted one", "counted two"]).status == 200
    refused = post(["counted three", "counted four"])
    assert (refused.status, refused.json["error"]["code"]) == (429, "insufficient_quota")
    assert post(["counted three"]).status == 200

    def used() -> Any:
        reply = guarded.get("/usage", {"Authorization": f"Bearer {key}"})
        return reply.json["usage"]["total"]

    wait_until(lambda: used()["pages"] == 3, "all pages are counted")
    assert used()["images"] == 2
