"""The answers of PaddleX serving, PaddleOCR's job API, hubserving and RapidOCR, field by field."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from server.http.dialects import hubserving, paddleocr_jobs
from server.http.dialects.pages import ReadLine
from server.http.dialects.result_urls import VALID_SECONDS, ResultUrls
from tests.support.cards import CARD_HEIGHT, CONFIDENCE, card
from tests.support.foreign_calls import as_form, as_json, base64_of, path_in
from tests.support.http_client import Reply
from tests.support.keys import Clock
from tests.support.live_server import LiveServer
from tests.support.made_pages import RENDERED, SHOWN, TEXTS

BOX = [[0, 0], [40, 0], [40, 9], [0, 9]]
PAGE = "made page of another server"
MARKDOWN = RENDERED[-1][1].rstrip("\n")


def post(server: LiveServer, path: str, body: object) -> Any:
    reply = server.post_json(body, path=path)
    assert reply.status == 200, reply.body
    return reply.json


def paddlex(server: LiveServer, image: bytes, path: str = "/ocr", **fields: object) -> Any:
    return post(server, path, {"file": base64_of(image), "fileType": 1, **fields})


# --- PaddleX


def test_the_answer_of_paddlex(fluent: LiveServer) -> None:
    image = card("first\nsecond")
    answer = paddlex(fluent, image, logId="mine")
    assert (answer["logId"], answer["errorCode"], answer["errorMsg"]) == ("mine", 0, "Success")
    result = answer["result"]
    assert result["dataInfo"] == {"type": "image", "width": 64, "height": CARD_HEIGHT}
    (page,) = result["ocrResults"]
    assert list(page) == ["prunedResult"], "images only if they are asked for"
    pruned = page["prunedResult"]
    assert pruned["rec_texts"] == ["first", "second"]
    assert pruned["rec_scores"] == [CONFIDENCE] * 2
    assert pruned["rec_boxes"] == [[0, 0, 40, 9], [0, 10, 40, 19]]
    assert pruned["rec_polys"][0] == pruned["dt_polys"][0] == BOX
    assert pruned["textline_orientation_angles"] == [-1, -1]
    assert pruned["text_rec_score_thresh"] == 0.5
    assert pruned["text_det_params"]["limit_type"] == "min"
    assert pruned["return_word_box"] is False
    assert pruned["model_settings"]["use_doc_preprocessor"] is False


def test_a_page_without_text_has_lists_of_equal_length(fluent: LiveServer) -> None:
    pruned = paddlex(fluent, card(""))["result"]["ocrResults"][0]["prunedResult"]
    for name in ("rec_texts", "rec_scores", "rec_polys", "rec_boxes", "dt_polys"):
        assert pruned[name] == []
    assert "textline_orientation_angles" not in pruned


def test_the_options_of_paddlex_reach_the_engine(fluent: LiveServer) -> None:
    """Names as PaddleX has them; what there is no model for changes nothing."""
    given: dict[str, Any] = {
        "useTextlineOrientation": False, "textDetLimitSideLen": 960, "textDetLimitType": "max",
        "textDetThresh": 0.2, "textDetBoxThresh": 0.4, "textDetUnclipRatio": 2.0,
        "useDocUnwarping": True, "useDocOrientationClassify": False, "returnWordBox": None,
    }  # fmt: skip
    answer = paddlex(fluent, card("options"), **given)
    pruned = answer["result"]["ocrResults"][0]["prunedResult"]
    options = json.loads(pruned["rec_texts"][0])
    assert options["use_angle_cls"] is False
    assert (options["det_limit_side_len"], options["det_limit_type"]) == (960, "max")
    assert (options["det_db_thresh"], options["det_db_box_thresh"]) == (0.2, 0.4)
    assert (options["det_db_unclip_ratio"], options["orientation"]) == (2.0, "auto")
    assert pruned["text_det_params"] == {
        "limit_side_len": 960, "limit_type": "max", "thresh": 0.2,
        "max_side_limit": 4000, "box_thresh": 0.4, "unclip_ratio": 2.0,
    }  # fmt: skip


def test_lines_below_the_score_and_words_and_drawings(fluent: LiveServer) -> None:
    texts = paddlex(fluent, card(PAGE), textRecScoreThresh=0.0)["result"]["ocrResults"][0]
    assert texts["prunedResult"]["rec_texts"] == TEXTS
    shown = paddlex(fluent, card(PAGE))["result"]["ocrResults"][0]["prunedResult"]
    assert shown["rec_texts"] == SHOWN
    assert fluent.begun(PAGE) == 1, "the score is no option of the recognition"
    words = paddlex(fluent, card("two words"), returnWordBox=True)["result"]["ocrResults"][0]
    assert words["prunedResult"]["text_word"] == [["two", "words"]]
    assert words["prunedResult"]["text_word_boxes"] == [[[0, 0, 13, 9], [17, 0, 40, 9]]]
    drawn = paddlex(fluent, card("drawn"), visualize=True)["result"]["ocrResults"][0]["ocrImage"]
    assert base64.b64decode(drawn).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fields", "mention"),
    [
        ({"file": ""}, "file is missing"),
        ({"file": None}, "file is missing"),
        ({"file": 7}, "file must be a string"),
        ({"file": "http://127.0.0.1/a.png"}, "fetches no URLs"),
        ({"file": "%%%"}, "the field `file` is not valid base64"),
        ({"fileType": 2}, "fileType must be 1"),
        ({"textDetThresh": 7}, "textDetThresh = 7: expected a number from 0 to 1"),
        ({"textDetLimitType": "long"}, "textDetLimitType = long"),
    ],
)
def test_what_paddlex_would_not_accept(
    fluent: LiveServer, fields: dict[str, object], mention: str
) -> None:
    body = {"file": base64_of(card("unread")), "logId": "7", **fields}
    reply = fluent.post_json(body, path="/dialects/paddlex/ocr")
    assert (reply.status, reply.json["errorCode"], reply.json["logId"]) == (422, 422, "7")
    assert mention in reply.json["errorMsg"]


def test_health(fluent: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = fluent.get("/health")
    assert (reply.status, reply.json["errorCode"], reply.json["errorMsg"]) == (200, 0, "Healthy")
    monkeypatch.setattr(fluent.context, "draining", True)
    reply = fluent.get("/health")
    assert (reply.status, reply.json["errorCode"]) == (503, 503)


def test_the_layout_of_a_page(fluent: LiveServer) -> None:
    result = paddlex(fluent, card(PAGE), "/layout-parsing", useTableRecognition=True)["result"]
    (page,) = result["layoutParsingResults"]
    assert page["markdown"] == {"text": MARKDOWN, "images": {}, "isStart": True, "isEnd": True}
    pruned = page["prunedResult"]
    blocks = pruned["parsing_res_list"]
    labels = [block["block_label"] for block in blocks]
    assert labels == ["doc_title", "text", "text", "text", "text", "table", "footer"]
    assert [block["block_order"] for block in blocks] == [1, 2, 3, 4, 5, 6, 7]
    assert blocks[1]["block_content"] == "It rained all the morning, and then"
    left, top, right, bottom = blocks[1]["block_bbox"]
    assert 0 <= left < right and 0 <= top < bottom
    assert blocks[5]["block_content"].startswith("<html><body><table><thead><tr><th>Item</th>")
    assert pruned["overall_ocr_res"]["rec_texts"] == SHOWN
    assert fluent.get("/layout-parsing").status == 405  # as RAGFlow probes: any answer will do


# --- PaddleOCR's jobs


def submit(server: LiveServer, image: bytes, **fields: str) -> str:
    given = {"model": "PP-OCRv6", **fields}
    reply = as_form("file", **given)(server, "/api/v2/ocr/jobs", image, {})
    assert (reply.status, reply.json["code"]) == (200, 0), reply.body
    return str(reply.json["data"]["jobId"])


def done(server: LiveServer, job_id: str) -> Any:
    for _ in range(10):
        data = server.get(f"/api/v2/ocr/jobs/{job_id}").json["data"]
        if data["state"] == "done":
            return data
    raise AssertionError(data)


def test_the_states_of_a_job(
    fluent: LiveServer, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paddleocr_jobs, "WAIT_SECONDS", 0.05)  # less than a recognition may take
    job_id = submit(fluent, card(f"hold {gate}"))
    running = fluent.get(f"/api/v2/ocr/jobs/{job_id}").json["data"]
    assert running["state"] in ("pending", "running")
    assert "resultUrl" not in running
    gate.unlink()
    data = done(fluent, job_id)
    assert data["extractProgress"]["totalPages"] == data["extractProgress"]["extractedPages"] == 1
    url = data["resultUrl"]["jsonUrl"]
    assert url.startswith(f"http://127.0.0.1:{fluent.port}/api/v2/ocr/jobs/{job_id}/result?")
    lines = fluent.get(path_in(url)).body.decode().splitlines()
    assert len(lines) == 1, "a line for each page"
    assert fluent.get("/api/v2/ocr/jobs/none").status == 404


def test_a_document_and_its_options(fluent: LiveServer) -> None:
    payload = json.dumps({"textRecScoreThresh": 0.0, "useChartRecognition": True})
    job_id = submit(fluent, card(PAGE), model="PaddleOCR-VL-1.6", optionalPayload=payload)
    reply = fluent.get(path_in(done(fluent, job_id)["resultUrl"]["jsonUrl"]))
    (page,) = reply.json["result"]["layoutParsingResults"]
    assert page["prunedResult"]["overall_ocr_res"]["rec_texts"] == TEXTS
    assert "a s7ain" in page["markdown"]["text"]


@pytest.mark.parametrize(
    ("name", "value"), [("signature", "0" * 64), ("expires", "9999999999"), ("user", "somebody")]
)
def test_a_url_that_was_changed(fluent: LiveServer, name: str, value: str) -> None:
    data = done(fluent, submit(fluent, card("signed")))
    path, _, query = path_in(data["resultUrl"]["jsonUrl"]).partition("?")
    fields = dict(pair.split("=") for pair in query.split("&")) | {name: value}
    changed = "&".join(f"{key}={each}" for key, each in fields.items())
    assert fluent.get(f"{path}?{query}").status == 200
    assert fluent.get(f"{path}?{changed}").status == 404
    assert fluent.get(path).status == 404


def test_a_url_expires(fluent: LiveServer) -> None:
    clock = Clock(1000.0)
    urls = ResultUrls(fluent.context, clock)

    async def signed() -> dict[str, str]:
        await fluent.context.jobs.open()
        query = await urls.query("anonymous", "a job")
        return dict(pair.split("=") for pair in query.split("&"))

    fields = fluent.run(signed)
    given = ("anonymous", "a job", fields["expires"], fields["signature"])
    fluent.run(lambda: urls.check(*given))
    clock.now += VALID_SECONDS
    with pytest.raises(Exception, match="expired"):
        fluent.run(lambda: urls.check(*given))


def test_jobs_of_a_batch(fluent: LiveServer) -> None:
    ids = [submit(fluent, card(f"batch {n}"), batchId="mine") for n in range(3)]
    for job_id in ids:
        done(fluent, job_id)
    data = fluent.get("/api/v2/ocr/jobs/batch/mine").json["data"]
    assert [each["jobId"] for each in data["extractResult"]] == ids
    assert {each["state"] for each in data["extractResult"]} == {"done"}
    assert fluent.get("/api/v2/ocr/jobs/batch/yours").status == 404


@pytest.mark.parametrize(
    ("fields", "mention"),
    [
        ({"model": ""}, "model must be a name"),
        ({"optionalPayload": "["}, "optionalPayload must be a JSON object"),
        ({"optionalPayload": '{"textDetThresh": "x"}'}, "textDetThresh"),
    ],
)
def test_what_the_job_api_does_not_accept(
    fluent: LiveServer, fields: dict[str, str], mention: str
) -> None:
    given = {"model": "PP-OCRv6", **fields}
    reply = as_form("file", **given)(fluent, "/api/v2/ocr/jobs", card("no job"), {})
    assert (reply.status, reply.json["code"]) == (400, 400)
    assert mention in reply.json["msg"]


def test_a_job_by_url_is_refused(fluent: LiveServer) -> None:
    body = {"fileUrl": "https://example.com/a.png", "model": "PP-OCRv6"}
    reply = fluent.post_json(body, path="/api/v2/ocr/jobs")
    assert reply.status == 400
    assert "fileUrl: this server fetches no URLs" in reply.json["msg"]


# --- hubserving


def hub(server: LiveServer, name: str, *images: bytes) -> Any:
    body = {"images": [base64_of(image) for image in images]}
    return post(server, f"/predict/{name}", body)


def test_several_images_in_one_call(fluent: LiveServer) -> None:
    """One that cannot be read does not spoil the others; usage counts each."""
    answer = hub(fluent, "ocr_system", card("one"), b"no image", card("two\nlines"))
    assert answer["status"] == "000"
    assert answer["msg"].startswith("images[1]: the bytes are of no known image format"), "why"
    one, none, two = answer["results"]
    assert one == [{"text": "one", "confidence": CONFIDENCE, "text_region": BOX}]
    assert none == []
    assert [line["text"] for line in two] == ["two", "lines"]


def test_the_parts_of_hubserving(fluent: LiveServer) -> None:
    det = hub(fluent, "ocr_det", card("parts"))["results"]
    assert det == [[{"text_region": BOX}]]
    rec = hub(fluent, "ocr_rec", card("first"), card("second"))["results"]
    assert rec == [[{"text": text, "confidence": CONFIDENCE} for text in ("first", "second")]], (
        "one list with one object for each image"
    )
    cls = hub(fluent, "ocr_cls", card("upright"))["results"]
    assert cls == [[{"angle": "0", "confidence": CONFIDENCE}]]


def test_recognition_alone_reads_the_whole_image_as_a_line(fluent: LiveServer) -> None:
    (found,) = hub(fluent, "ocr_rec", card("options"))["results"][0]
    options = json.loads(found["text"])
    assert (options["use_det"], options["use_rec"]) == (False, True)


def test_a_line_whose_characters_run_backwards_is_upside_down() -> None:
    parts = [{"text": text, "confidence": 0.9, "box": [[x, 0]]} for text, x in (("a", 9), ("b", 0))]
    line = ReadLine("ab", 0.9, BOX, parts)
    assert hubserving._angle(line)["angle"] == "180"
    assert hubserving._angle(line._replace(parts=parts[::-1]))["angle"] == "0"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", "112"),
        (b"[]", "112"),
        (b"{}", "101"),
        (b'{"images": []}', "101"),
        (b'{"images": "aGk="}', "101"),
        (b'{"images": [7]}', "101"),
        (json.dumps({"images": ["aGk="] * 33}).encode(), "101"),
    ],
)
def test_errors_of_hubserving_have_200(fluent: LiveServer, body: bytes, status: str) -> None:
    reply = fluent.post_json(body, path="/predict/ocr_system")
    assert (reply.status, reply.json["status"], reply.json["results"]) == (200, status, "")
    assert reply.json["msg"]


# --- RapidOCR


def rapid(server: LiveServer, image: bytes, **fields: str) -> Reply:
    return as_form("image_file", **fields)(server, "/ocr", image, {})


def test_the_answer_of_rapidocr(fluent: LiveServer) -> None:
    answer = rapid(fluent, card("rapid\nlines")).json
    assert list(answer) == ["0", "1"]
    assert answer["1"]["dt_boxes"] == [[0.0, 10.0], [40.0, 10.0], [40.0, 19.0], [0.0, 19.0]]
    assert (answer["1"]["rec_txt"], answer["1"]["score"]) == ("lines", CONFIDENCE)
    assert rapid(fluent, card("")).json == {}


def test_parts_of_rapidocr(fluent: LiveServer) -> None:
    options = json.loads(
        rapid(fluent, card("options"), use_det="False", use_cls="0").json["0"]["rec_txt"]
    )
    assert (options["use_det"], options["use_angle_cls"]) == (False, False)
    assert rapid(fluent, card("unread"), use_rec="False").json == {}
    wrong = rapid(fluent, card("wrong"), use_det="perhaps")
    assert (wrong.status, wrong.json["detail"][0]["type"]) == (422, "bad_field")


def test_a_form_without_an_image(fluent: LiveServer) -> None:
    reply = as_json(lambda _: {})(fluent, "/dialects/rapidocr/ocr", b"", {})
    assert (reply.status, reply.json["detail"][0]["type"]) == (422, "missing_file")
