"""Models on another server, chosen by a request: cached, cancelled and described as all others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, Reply, image_part, multipart
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.vision_server import Asked, Said, VisionServer, size_as_text
from tests.support.watching import wait_until

SPOTTED = "Sea<|LOC_0|><|LOC_0|><|LOC_500|><|LOC_0|><|LOC_500|><|LOC_1000|><|LOC_0|><|LOC_1000|>"
ADMIN = {"X-Api-Key": ADMIN_KEY}


def answer(asked: Asked) -> Said:
    """By the name of the model."""
    said = {
        "cut": Said("half of the te", finish_reason="length"),
        "spotting": Said(SPOTTED),
        "held": Said("held", hold=True),
        "markdown": Said("# Menu\n\n<table><tr><td>Tea</td><td>3.50</td></tr></table>"),
    }
    return said.get(asked.body["model"], replace(size_as_text(asked)))


@pytest.fixture(scope="module")
def backend() -> Iterator[VisionServer]:
    with VisionServer(answer) as running:
        yield running


@pytest.fixture(scope="module")
def server(backend: VisionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("remote")
    (folder / "key").write_text("the-key-of-the-backend\n")
    sets = [
        {"name": "size", "url": backend.url, "model": "size", "key_file": str(folder / "key")},
        {"name": "cut", "url": backend.url, "model": "cut"},
        {"name": "held", "url": backend.url, "model": "held"},
        {"name": "markdown", "url": backend.url, "model": "markdown", "kind": "deepseek-ocr"},
        {
            "name": "spotting",
            "url": backend.url,
            "model": "spotting",
            "kind": "paddleocr-vl",
            "prompt": "Spotting:",
        },
    ]
    more = {"remote": {"sets": sets, "attempts": 2}}
    with LiveServer(folder, 1, 100, more=more) as running:
        yield running


def ask(server: LiveServer, text: str, models: str, **fields: str) -> Reply:
    values = {"models": models, **fields}
    parts = [image_part(card(text)), *(Part(n, v.encode()) for n, v in values.items())]
    body, headers = multipart(parts)
    return server.request("POST", "/ocr", body, headers)


def test_a_request_chooses_the_models(server: LiveServer, backend: VisionServer) -> None:
    asked = len(backend.asked)
    local = server.upload(card("chosen"))
    remote = ask(server, "chosen", "size")
    assert local.text == "chosen"
    assert remote.text.startswith("read ")
    assert remote.json["cache"] == "miss"
    assert (remote.json["data"]["unscored"], remote.json["data"]["boxes_of"]) == (True, "page")
    assert "remote;dur=" in remote.headers["Server-Timing"]
    assert len(backend.asked) == asked + 1
    assert backend.asked[-1].headers["authorization"] == "Bearer the-key-of-the-backend"


def test_a_result_is_cached_for_these_models(server: LiveServer, backend: VisionServer) -> None:
    first = ask(server, "cached", "size")
    asked = len(backend.asked)
    again = ask(server, "cached", "size")
    assert (first.json["cache"], again.json["cache"]) == ("miss", "hit")
    assert again.json["data"] == first.json["data"]
    assert len(backend.asked) == asked


def test_an_answer_that_was_cut_off_is_an_error_and_not_cached(
    server: LiveServer, backend: VisionServer
) -> None:
    assert_error(ask(server, "cut off", "cut"), 422, "image_too_complex", "cut off")
    digest = server.upload(card("cut off")).json["md5"]
    assert server.get(f"/results/{digest}?models=cut").status == 404


@pytest.mark.parametrize(
    ("fields", "mention"),
    [
        ({"use_rec": "false"}, "use_rec = false"),
        ({"use_det": "false"}, "use_det = false"),
        ({"format": "image"}, "format = image"),
        ({"preprocess": "deskew"}, "preprocess = deskew"),
    ],
)
def test_options_that_they_cannot_follow(
    server: LiveServer, fields: dict[str, str], mention: str
) -> None:
    refused = ask(server, "options", "size", **fields)
    assert_error(refused, 400, "bad_field", mention, "size")


def test_lines_with_boxes_in_every_format(server: LiveServer) -> None:
    reply = ask(server, "formats", "spotting")
    (line,) = reply.json["data"]["lines"]
    width, height = reply.json["data"]["width"], reply.json["data"]["height"]
    assert line["box"] == [[0, 0], [width // 2, 0], [width // 2, height], [0, height]]
    assert "boxes_of" not in reply.json["data"]
    for format in ("text", "tsv", "hocr", "alto", "markdown", "legacy"):
        written = ask(server, "formats", "spotting", format=format)
        assert written.status == 200
        assert b"Sea" in written.body


def test_a_table_as_markdown(server: LiveServer) -> None:
    written = ask(server, "a table", "markdown", format="markdown").body.decode()
    assert written.startswith("# Menu\n")
    assert "| Tea | 3.50 |" in written


def test_cancelling_a_job_closes_the_connection(server: LiveServer, backend: VisionServer) -> None:
    left = backend.left
    job = ask(server, "cancelled", "held", block_flag="false").json["job"]
    wait_until(lambda: backend.open == 1, "the backend is asked")
    assert server.request("DELETE", job["url"]).status == 204
    wait_until(lambda: backend.left == left + 1, "the connection is closed")


def test_a_request_for_other_models_is_refused_by_name(server: LiveServer) -> None:
    assert_error(
        ask(server, "x", "nobody"), 400, "bad_field", "cut, held, markdown, size, spotting"
    )


def test_the_default_must_be_local(server: LiveServer) -> None:
    listed = server.request("GET", "/admin/models", headers=ADMIN).json["sets"]
    assert {"size", "cut"} <= {each["name"] for each in listed if not each["workers"]}
    headers = {**ADMIN, "Content-Type": "application/json"}
    body = json.dumps({"use": "size"}).encode()
    refused = server.request("POST", "/admin/models", body, headers)
    assert_error(refused, 409, "conflict", "size is on another server")


def test_health_and_metrics_say_what_they_do(server: LiveServer) -> None:
    ask(server, "counted", "size")
    remote = {each["name"]: each for each in server.get("/healthz").json["remote"]}
    assert remote["size"]["concurrency"] == 16
    assert remote["size"]["completed"] >= 1
    sample = 'ocr_remote_requests_total{models="size",outcome="ok"}'
    assert sample in server.get("/metrics").body.decode()


def test_a_server_without_remote_sets_says_nothing_of_them(wide: LiveServer) -> None:
    assert "remote" not in wide.get("/healthz").json
    assert b'models="' not in wide.get("/metrics").body


def test_backends_that_are_away_are_503_with_retry_after(tmp_path: Path) -> None:
    with VisionServer() as gone:
        sets = [{"name": "gone", "url": gone.url, "model": "x"}]
    more = {"remote": {"sets": sets, "attempts": 1}}
    with LiveServer(tmp_path, 1, 100, more=more) as server:
        reply = ask(server, "gone", "gone")
        assert_error(reply, 503, "backend_unavailable", "not reachable")
        assert reply.headers["Retry-After"] == "10"
        assert server.upload(card("local")).text == "local"
