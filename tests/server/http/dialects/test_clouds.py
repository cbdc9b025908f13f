"""The answers of OpenAI, Mistral, Open WebUI, Azure, Baidu, OCR.space and CRNN, field by field."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
from pypdf import PdfReader

from server.errors import KeyInvalid, NotFound
from server.http.dialects.baidu import TOKEN_SECONDS, Tokens
from server.http.dialects.mistral_files import KEEP_SECONDS, KeptFiles
from tests.support.cards import CARD_HEIGHT, CONFIDENCE, card
from tests.support.foreign_calls import (
    BYTES,
    JSON,
    as_body,
    as_form,
    as_json,
    base64_of,
    chat,
    data_url,
    fields_of,
    path_in,
)
from tests.support.keys import Clock
from tests.support.live_server import LiveServer
from tests.support.made_pages import RENDERED

PAGE = "made page of a cloud"
MARKDOWN = RENDERED[-1][1].rstrip("\n")
TRUSTED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ocr.example.com"}


def post(server: LiveServer, path: str, body: object) -> Any:
    reply = server.post_json(body, path=path)
    assert reply.status == 200, reply.body
    return reply.json


# --- OpenAI


def test_a_chat_completion(fluent: LiveServer) -> None:
    answer = post(fluent, "/v1/chat/completions", chat(card("hello\nmodel")))
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "hello\nmodel"
    assert choice["finish_reason"] == "stop"
    assert (answer["object"], answer["model"]) == ("chat.completion", "gpt")
    assert answer["id"].startswith("chatcmpl-") and answer["created"] > 1_700_000_000
    assert answer["usage"]["total_tokens"] == 0


def test_a_stream(fluent: LiveServer) -> None:
    reply = fluent.post_json(chat(card("one\ntwo"), stream=True), path="/v1/chat/completions")
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    *events, done, end = reply.body.decode().split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == "one\ntwo"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]


def test_markdown_if_the_prompt_says_so(fluent: LiveServer) -> None:
    asked = chat(card(PAGE), prompt="Convert the document to Markdown.")
    answer = post(fluent, "/v1/chat/completions", asked)
    assert answer["choices"][0]["message"]["content"] == MARKDOWN


def test_several_images_in_one_message(fluent: LiveServer) -> None:
    asked = chat(card("first image"))
    asked["messages"][1]["content"].append(
        {"type": "image_url", "image_url": data_url(card("second image"))}
    )
    answer = post(fluent, "/v1/chat/completions", asked)
    assert answer["choices"][0]["message"]["content"] == "first image\n\nsecond image"
    asked["messages"][1]["content"] *= 9
    refused = fluent.post_json(asked, path="/v1/chat/completions")
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad_field")


@pytest.mark.parametrize(
    ("fields", "mention"),
    [
        ({"messages": []}, "no image"),
        ({"messages": [{"role": "user", "content": "text alone"}]}, "no image"),
        ({"messages": "text"}, "messages must be a list"),
        ({"messages": ["text"]}, "messages must be a list"),
        ({"n": 2}, "n must be 1"),
    ],
)
def test_what_a_chat_does_not_accept(
    fluent: LiveServer, fields: dict[str, object], mention: str
) -> None:
    reply = fluent.post_json({**chat(card("silent")), **fields}, path="/v1/chat/completions")
    error = reply.json["error"]
    assert (reply.status, error["type"], error["param"]) == (400, "invalid_request_error", None)
    assert mention in error["message"]


def test_an_image_by_url_is_refused(fluent: LiveServer) -> None:
    asked = chat(card("nowhere"))
    asked["messages"][1]["content"][1]["image_url"]["url"] = "https://example.com/a.png"
    reply = fluent.post_json(asked, path="/v1/chat/completions")
    assert reply.status == 400
    assert "image_url: this server fetches no URLs" in reply.json["error"]["message"]


def test_there_is_one_model(fluent: LiveServer) -> None:
    (model,) = fluent.get("/v1/models").json["data"]
    assert (model["id"], model["object"]) == ("ocr-server", "model")
    assert fluent.get("/v1/models/ocr-server").json == model
    missing = fluent.get("/v1/models/gpt-5")
    assert (missing.status, missing.json["error"]["type"]) == (404, "not_found_error")


# --- Mistral


def test_the_pages_of_mistral(fluent: LiveServer) -> None:
    document = {"type": "document_url", "document_url": data_url(card(PAGE))}
    asked = {"model": "m", "document": document, "include_blocks": True}
    answer = post(fluent, "/v1/ocr", {**asked, "confidence_scores_granularity": "page"})
    assert answer["usage_info"] == {"pages_processed": 1, "doc_size_bytes": None}
    (page,) = answer["pages"]
    assert (page["index"], page["markdown"], page["images"]) == (0, MARKDOWN, [])
    assert set(page["dimensions"]) == {"dpi", "height", "width"}
    assert [block["type"] for block in page["blocks"]] == [
        "title", "text", "text", "list", "list", "table", "footer"
    ]  # fmt: skip
    assert page["blocks"][0]["content"] == "# A Trip # 1"
    assert page["confidence_scores"]["minimum_page_confidence_score"] == 0.9
    plain = post(fluent, "/v1/ocr", {"model": "m", "document": document})["pages"][0]
    assert "blocks" not in plain and "confidence_scores" not in plain


def test_a_file_is_uploaded_read_and_deleted(fluent: LiveServer) -> None:
    sent = as_form("file", purpose="ocr")(fluent, "/v1/files", card("kept file"), {})
    file_id = sent.json["id"]
    assert (sent.json["object"], sent.json["purpose"]) == ("file", "ocr")
    assert fluent.get(f"/v1/files/{file_id}").json == sent.json
    url = fluent.get(f"/v1/files/{file_id}/url?expiry=1").json["url"]
    assert path_in(url) == f"/v1/files/{file_id}/content"
    for document in (
        {"type": "document_url", "document_url": url},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "file", "file_id": file_id},
    ):
        pages = post(fluent, "/v1/ocr", {"model": "m", "document": document})["pages"]
        assert pages[0]["markdown"] == "kept file"
    assert fluent.request("DELETE", f"/v1/files/{file_id}").json["deleted"] is True
    assert fluent.get(f"/v1/files/{file_id}").status == 404
    gone = {"model": "m", "document": {"type": "file", "file_id": file_id}}
    assert fluent.post_json(gone, path="/v1/ocr").status == 404
    assert fluent.request("DELETE", f"/v1/files/{file_id}/url").status == 405


def test_files_belong_to_a_user_expire_and_make_room() -> None:
    clock = Clock(0.0)
    files = KeptFiles(max_bytes=100, clock=clock)
    mine = files.add("me", bytes(60))
    assert files.get("me", mine.file_id).data == bytes(60)
    with pytest.raises(NotFound):
        files.get("you", mine.file_id)
    large = files.add("me", bytes(150))
    assert files.get("me", large.file_id), "the newest one stays, however large"
    with pytest.raises(NotFound):
        files.get("me", mine.file_id)
    clock.now = KEEP_SECONDS
    with pytest.raises(NotFound):
        files.get("me", large.file_id)


@pytest.mark.parametrize("document", [None, {}, {"type": "image_url"}, {"image_url": 7}])
def test_a_document_without_an_image(fluent: LiveServer, document: object) -> None:
    reply = fluent.post_json({"model": "m", "document": document}, path="/v1/ocr")
    assert (reply.status, reply.json["object"]) == (400, "error")
    assert "document" in reply.json["message"]


# --- Open WebUI


def test_open_webui(fluent: LiveServer) -> None:
    headers = {"X-Filename": "%E8%B7%AF%E7%89%8C.png", "Content-Type": "image/png"}
    reply = fluent.request("PUT", "/process", card("loaded"), headers)
    assert reply.json == {
        "page_content": "loaded",
        "metadata": {"pages": 1, "source": "路牌.png"},
    }
    empty = fluent.request("PUT", "/process", card(""))
    assert (empty.status, empty.json) == (422, {"detail": "No extractable text"})
    assert fluent.request("PUT", "/process", b"").status == 400
    assert fluent.request("POST", "/process", card("post")).status == 405


# --- Azure


def test_an_operation_of_azure(fluent: LiveServer) -> None:
    started = as_body()(fluent, "/vision/v3.2/read/analyze", card("SEA BREEZE 书店"), {})
    assert (started.status, started.body) == (202, b"")
    address = path_in(started.headers["Operation-Location"])
    assert uuid.UUID(address.rpartition("/")[2])
    answer = fluent.get(address).json
    assert answer["status"] == "succeeded"
    assert answer["createdDateTime"] <= answer["lastUpdatedDateTime"]
    (page,) = answer["analyzeResult"]["readResults"]
    assert (page["page"], page["angle"], page["unit"]) == (1, 0.0, "pixel")
    assert (page["width"], page["height"]) == (64.0, float(CARD_HEIGHT))
    (line,) = page["lines"]
    assert line["boundingBox"] == [0.0, 0.0, 40.0, 0.0, 40.0, 9.0, 0.0, 9.0]
    assert [word["text"] for word in line["words"]] == ["SEA", "BREEZE", "书", "店"]
    lefts = [word["boundingBox"][0] for word in line["words"]]
    assert lefts == sorted(lefts) and lefts[0] == 0.0
    assert line["words"][-1]["boundingBox"][2] == 40.0
    assert {word["confidence"] for word in line["words"]} == {CONFIDENCE}


@pytest.mark.parametrize("operation", ["7", str(uuid.UUID(int=7)), "x" * 36])
def test_an_operation_that_does_not_exist(fluent: LiveServer, operation: str) -> None:
    reply = fluent.get(f"/vision/v3.2/read/analyzeResults/{operation}")
    assert (reply.status, reply.json["error"]["code"]) == (404, "NotFound")


def test_an_operation_that_fails_says_why(fluent: LiveServer) -> None:
    started = as_body()(fluent, "/vision/v3.2/read/analyze", card("cut")[:70], {})
    answer = fluent.get(path_in(started.headers["Operation-Location"])).json
    assert (answer["status"], answer["error"]["code"]) == ("failed", "InvalidImage")


@pytest.mark.parametrize(
    ("query", "mention"),
    [("pages=2", "pages = 2"), ("pages=1-3", "pages = 1-3")],
)
def test_queries_of_azure(fluent: LiveServer, query: str, mention: str) -> None:
    reply = as_body()(fluent, f"/vision/v3.2/read/analyze?{query}", card("one page"), {})
    assert (reply.status, reply.json["error"]["code"]) == (400, "InvalidArgument")
    assert mention in reply.json["message"]


def test_the_reading_order_of_azure(fluent: LiveServer) -> None:
    texts = []
    for order in ("natural", "basic"):
        path = f"/vision/v3.2/read/analyze?readingOrder={order}"
        started = as_body()(fluent, path, card(PAGE), {})
        answer = fluent.get(path_in(started.headers["Operation-Location"])).json
        lines = answer["analyzeResult"]["readResults"][0]["lines"]
        texts.append([line["text"] for line in lines])
    natural, basic = texts
    assert natural.index("ning, and then") < natural.index("我们到了")
    assert basic.index("我们到了") < basic.index("ning, and then")


@pytest.mark.parametrize(
    "path", ["/vision/v3.2/read/analyze", "/computervision/imageanalysis:analyze?features=read"]
)
def test_azure_says_of_a_url_that_it_is_one(fluent: LiveServer, path: str) -> None:
    reply = as_json(lambda _: {"url": "https://example.com/a.png"})(fluent, path, b"", {})
    assert (reply.status, reply.json["error"]["code"]) == (400, "InvalidImageURL")


def test_printed_text(fluent: LiveServer) -> None:
    reply = as_body()(fluent, "/vision/v3.2/ocr", card("two words"), {})
    assert (reply.json["orientation"], reply.json["textAngle"]) == ("Up", 0.0)
    (region,) = reply.json["regions"]
    assert region["boundingBox"] == region["lines"][0]["boundingBox"] == "0,0,40,9"
    assert [word["text"] for word in region["lines"][0]["words"]] == ["two", "words"]
    assert as_body()(fluent, "/vision/v3.2/ocr", card(""), {}).json["regions"] == []


def test_image_analysis(fluent: LiveServer) -> None:
    path = "/computervision/imageanalysis:analyze"
    answer = as_body()(fluent, f"{path}?features=READ", card("integers"), {}).json
    assert answer["metadata"] == {"width": 64, "height": CARD_HEIGHT}
    (block,) = answer["readResult"]["blocks"]
    (line,) = block["lines"]
    assert line["boundingPolygon"][2] == {"x": 40, "y": 9}
    assert line["words"][0]["boundingPolygon"] == line["boundingPolygon"]
    refused = as_body()(fluent, f"{path}?features=caption,read", card("caption"), {})
    assert (refused.status, refused.json["error"]["code"]) == (400, "InvalidArgument")


def test_the_spans_of_document_intelligence(fluent: LiveServer) -> None:
    path = "/documentintelligence/documentModels/prebuilt-read"
    started = as_body()(fluent, f"{path}:analyze", card("海风 书店\nSEA BREEZE"), {})
    address = path_in(started.headers["Operation-Location"])
    assert address.startswith(f"{path}/analyzeResults/")
    result = fluent.get(address).json["analyzeResult"]
    content = result["content"]
    assert (content, result["modelId"]) == ("海风 书店\nSEA BREEZE", "prebuilt-read")
    (page,) = result["pages"]
    for word in page["words"]:
        span = word["span"]
        assert content[span["offset"] : span["offset"] + span["length"]] == word["content"]
    for line in page["lines"]:
        (span,) = line["spans"]
        assert content[span["offset"] : span["offset"] + span["length"]] == line["content"]
    assert page["spans"] == [{"offset": 0, "length": len(content)}]


@pytest.mark.parametrize(
    ("query", "mention"),
    [
        ("output=figures", "output must be pdf"),
        ("outputContentFormat=markdown", "outputContentFormat must be text"),
    ],
)
def test_what_document_intelligence_does_not_do_here(
    fluent: LiveServer, query: str, mention: str
) -> None:
    path = f"/documentintelligence/documentModels/prebuilt-read:analyze?{query}"
    reply = as_body()(fluent, path, card("no document"), {})
    assert (reply.status, reply.json["error"]["code"]) == (400, "InvalidArgument")
    assert mention in reply.json["error"]["message"]
    other = "/documentintelligence/documentModels/prebuilt-invoice:analyze"
    assert as_body()(fluent, other, card("no invoice"), {}).status == 404


def test_the_searchable_pdf_of_document_intelligence(fluent: LiveServer) -> None:
    """As paperless-ngx asks for it: the text, and then the PDF."""
    path = "/documentintelligence/documentModels/prebuilt-read"
    started = as_body()(fluent, f"{path}:analyze?output=pdf", card("found again"), {})
    address = path_in(started.headers["Operation-Location"])
    assert fluent.get(address).json["analyzeResult"]["content"] == "found again"
    reply = fluent.get(f"{address}/pdf")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/pdf")
    text = PdfReader(io.BytesIO(reply.body)).pages[0].extract_text()
    assert text.split() == ["found", "again"]
    plain = as_body()(fluent, f"{path}:analyze", card("not kept"), {})
    refused = fluent.get(f"{path_in(plain.headers['Operation-Location'])}/pdf")
    assert (refused.status, refused.json["error"]["code"]) == (404, "NotFound")
    assert "output=pdf" in refused.json["error"]["message"]


# --- Baidu


def baidu(server: LiveServer, service: str, image: bytes, **fields: str) -> Any:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    more = "".join(f"&{name}={value}" for name, value in fields.items()).encode()
    path = f"/rest/2.0/ocr/v1/{service}?aipVersion=4"
    return server.request("POST", path, fields_of(image) + more, form).json


def test_the_answers_of_baidu(fluent: LiveServer) -> None:
    basic = baidu(fluent, "general_basic", card("北门\nopen"))
    assert (basic["words_result_num"], basic["words_result"][0]) == (2, {"words": "北门"})
    assert 0 <= basic["log_id"] < 1 << 53
    assert "direction" not in basic
    located = baidu(
        fluent, "accurate", card("北门\nopen"), detect_direction="true", probability="true"
    )
    assert located["direction"] == 0
    assert located["words_result"][1] == {
        "words": "open",
        "probability": {"average": CONFIDENCE, "variance": 0.0, "min": CONFIDENCE},
        "location": {"left": 0, "top": 10, "width": 40, "height": 9},
    }
    nothing = baidu(fluent, "webimage", card(""), detect_direction="true")
    assert (nothing["words_result"], nothing["direction"]) == ([], -1)


def test_the_characters_of_baidu(fluent: LiveServer) -> None:
    (line,) = baidu(fluent, "general", card("abcd"), recognize_granularity="small")["words_result"]
    assert [char["char"] for char in line["chars"]] == list("abcd")
    assert line["chars"][3]["location"] == {"left": 30, "top": 0, "width": 10, "height": 9}
    (line,) = baidu(fluent, "general_basic", card("abcd"), recognize_granularity="small")[
        "words_result"
    ]
    assert line == {"words": "abcd"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 216101),
        (b"image=", 216101),
        (b"image=%25%25", 216100),
        (b"url=https%3A%2F%2Fexample.com", 216100),
        (b"pdf_file=JVBERi0%3D", 216201),
        (b"ofd_file=JVBERi0%3D", 216100),
        (b"image=aGk%3D", 216201),
    ],
)
def test_codes_of_baidu(fluent: LiveServer, body: bytes, code: int) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = fluent.request("POST", "/rest/2.0/ocr/v1/general_basic", body, form)
    assert (reply.status, reply.json["error_code"]) == (200, code), reply.body


def test_tokens_expire_and_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(0.0)
    tokens = Tokens(clock)
    token, open_to_all = tokens.new("key"), tokens.new(None)
    assert (tokens.key(token), tokens.key(open_to_all)) == ("key", None)
    monkeypatch.setattr("server.http.dialects.baidu.MAX_TOKENS", 2)
    newest = tokens.new("other")
    with pytest.raises(KeyInvalid):
        tokens.key(token)
    clock.now = TOKEN_SECONDS
    with pytest.raises(KeyInvalid):
        tokens.key(newest)


# --- OCR.space


def test_the_answer_of_ocrspace(fluent: LiveServer) -> None:
    answer = as_form("anything")(fluent, "/parse/image", card("one line\nand one"), {}).json
    assert (answer["OCRExitCode"], answer["IsErroredOnProcessing"]) == (1, False)
    assert "ErrorMessage" not in answer
    (result,) = answer["ParsedResults"]
    assert result["ParsedText"] == "one line\r\nand one"
    assert result["TextOverlay"]["Lines"] == []
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"base64Image={data_url(card('two words')).replace('+', '%2B')}&isOverlayRequired=true"
    answer = fluent.request("POST", "/parse/image", body.encode(), form).json
    overlay = answer["ParsedResults"][0]["TextOverlay"]
    assert overlay["HasOverlay"] is True
    (line,) = overlay["Lines"]
    assert (line["LineText"], line["MaxHeight"], line["MinTop"]) == ("two words", 9, 0)
    assert [word["WordText"] for word in line["Words"]] == ["two", "words"]
    assert line["Words"][1]["Left"] + line["Words"][1]["Width"] == 40


@pytest.mark.parametrize(
    ("fields", "mention"),
    [
        ({"url": "https://example.com/a.png"}, "fetches no URLs"),
        ({}, "send a file"),
        ({"base64Image": "%%%"}, "not valid base64"),
        ({"base64Image": "aGk=", "isCreateSearchablePdf": "true"}, "isCreateSearchablePdf"),
    ],
)
def test_errors_of_ocrspace(fluent: LiveServer, fields: dict[str, str], mention: str) -> None:
    reply = fluent.post_json(fields, path="/parse/image")
    answer = reply.json
    assert (reply.status, answer["OCRExitCode"], answer["ParsedResults"]) == (200, 4, [])
    assert mention in answer["ErrorMessage"][0]


# --- CRNN


@pytest.mark.parametrize("part", ["file", "image", "photo"])
def test_crnn(fluent: LiveServer, part: str) -> None:
    answer = as_form(part)(fluent, "/dialects/crnn/ocr", card(f"by {part}"), {}).json
    assert list(answer) == ["success", "text", "elapsed_ms"]
    assert (answer["success"], answer["text"]) == (True, f"by {part}")


def test_crnn_in_other_ways(fluent: LiveServer) -> None:
    path, image = "/dialects/crnn/ocr", card("crnn")
    assert fluent.request("POST", path, image, BYTES).json["text"] == "crnn"
    assert post(fluent, path, {"image": base64_of(image)})["text"] == "crnn"
    missing = fluent.request("POST", path, b"{}", JSON)
    assert (missing.status, missing.json["success"]) == (400, False)
    assert list(missing.json) == ["success", "text", "error", "elapsed_ms"]


# --- addresses


def test_addresses_behind_a_proxy(fluent: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute ones are those that the client has used, if a trusted proxy says so."""

    def address(prefix: str = "") -> str:
        path = f"{prefix}/vision/v3.2/read/analyze"
        reply = as_body()(fluent, path, card("far away"), TRUSTED)
        return reply.headers["Operation-Location"].rpartition("/")[0]

    own = f"http://127.0.0.1:{fluent.port}"
    assert address() == f"{own}/vision/v3.2/read/analyzeResults", "anybody may send such headers"
    monkeypatch.setattr("server.http.dialects.foreign.is_trusted", lambda *_: True)
    monkeypatch.setattr("server.http.origins.is_trusted", lambda *_: True)
    assert address() == "https://ocr.example.com/vision/v3.2/read/analyzeResults"
    assert address("/dialects/azure-read") == (
        "https://ocr.example.com/dialects/azure-read/vision/v3.2/read/analyzeResults"
    )
