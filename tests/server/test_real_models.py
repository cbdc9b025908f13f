"""End-to-end tests with the real OpenVINO models, through `python setup.py`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from tests.support.checkout import IMAGES
from tests.support.server_process import ServerProcess

PAGE = "sign_en_parking.png"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {
        "web_server": {"filename_roots": [str(IMAGES)]},
        "ocr": {"process": {"number": 1}},
    }
    with ServerProcess(tmp_path_factory.mktemp("real"), settings) as server:
        yield server


def lines_of(page: str) -> list[str]:
    """The lines of a page."""
    pages = json.loads((IMAGES.parent / "pages.json").read_text(encoding="utf-8"))["pages"]
    (lines,) = (entry["lines"] for entry in pages if entry["file"] == page)
    return list(lines)


def letters(text: str) -> str:
    return "".join(text.split())


def test_an_upload(process: ServerProcess) -> None:
    reply = process.upload((IMAGES / PAGE).read_bytes())
    assert reply.status == 200
    assert letters(reply.text) == letters("".join(lines_of(PAGE)))
    data = reply.json["data"]
    assert data["confidence"] > 0.9
    for line in data["lines"]:
        (left, top), _, (right, bottom), _ = line["box"]
        assert 0 <= left < right <= data["width"]
        assert 0 <= top < bottom <= data["height"]
    timing = reply.headers["Server-Timing"]
    assert all(f"{stage};dur=" in timing for stage in ("queue", "decode", "det", "cls", "rec"))


def test_base64_and_filename_are_the_same_image(process: ServerProcess) -> None:
    image = (IMAGES / PAGE).read_bytes()
    upload = process.upload(image)
    encoded = base64.b64encode(image).decode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    replies = [
        process.post_json({"image": f"data:image/png;base64,{encoded}"}),
        process.request("POST", "/ocr_service", urlencode({"image": encoded}).encode(), form),
        process.post_json({"file_type": "filename", "filename": PAGE}),
        process.request("POST", "/ocr", image, {"Content-Type": "image/png"}),
        process.get(f"/results/{upload.json['md5']}"),
    ]
    assert [reply.json["cache"] for reply in replies] == ["hit"] * 5
    assert all(reply.json["data"] == upload.json["data"] for reply in replies)


def test_chinese_and_the_image_of_no_text(process: ServerProcess) -> None:
    chinese = process.upload((IMAGES / "sign_zh_exit.png").read_bytes())
    assert letters(chinese.text) == letters("".join(lines_of("sign_zh_exit.png")))
    white = process.upload((IMAGES / "special_white.png").read_bytes())
    assert (white.status, white.json["data"]["lines"], white.text) == (200, [], "")


def test_a_job_and_its_result(process: ServerProcess) -> None:
    image = (IMAGES / "sign_en_bakery.png").read_bytes()
    job = process.upload(image, block_flag="False", drop_score="0.4")
    done = process.get(f"{job.json['job']['url']}?wait=30")
    assert letters(done.text) == letters("".join(lines_of("sign_en_bakery.png")))


def test_an_option_changes_what_is_read(process: ServerProcess) -> None:
    image = (IMAGES / "special_upside_down.png").read_bytes()
    turned = process.upload(image)
    as_it_stands = process.upload(image, use_angle_cls="false")
    assert turned.json["data"]["confidence"] > 0.9
    assert as_it_stands.text != turned.text


def test_twenty_identical_uploads_are_one_recognition(process: ServerProcess) -> None:
    image = (IMAGES / "label_en_jam.png").read_bytes()
    done = process.get("/healthz").json["completed"]
    with ThreadPoolExecutor(20) as clients:
        replies = list(clients.map(lambda _: process.upload(image), range(20)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.text for reply in replies}) == 1
    assert process.get("/healthz").json["completed"] == done + 1


def test_the_models_read_the_known_image_of_a_probe(process: ServerProcess) -> None:
    answer = process.get("/healthz?probe=1")
    assert (answer.status, answer.json["probe"]["passed"]) == (200, True)
    assert [worker["outcome"] for worker in answer.json["probe"]["workers"]] == ["right"]


def test_health_names_engine_and_models(process: ServerProcess) -> None:
    engine = process.get("/healthz").json["engine"]
    assert engine["engine"].startswith("openvino")
    assert "PP-OCR" in engine["models"]
