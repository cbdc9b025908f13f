"""GET /languages with the real models, and while they are being loaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.live_server import LiveServer
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {"ocr": {"process": {"number": 1, "spares": 0}}}
    with ServerProcess(tmp_path_factory.mktemp("languages"), settings) as server:
        yield server


def test_what_the_models_read(process: ServerProcess) -> None:
    answer = process.get("/languages")
    assert answer.status == 200
    body = answer.json
    assert body["models"] == process.get("/healthz").json["engine"]["models"]
    languages = {each["code"]: each for each in body["languages"]}
    assert languages["ja"] == {
        "code": "ja",
        "name": "Japanese",
        "scripts": ["Hira", "Kana", "Hani"],
    }
    assert "ru" not in languages
    scripts = {each["code"]: each for each in body["scripts"]}
    assert next(iter(scripts)) == "Hani"
    assert "中" in scripts["Hani"]["characters"]
    assert "0" in body["others"]
    assert body["request_id"] == answer.headers["X-Request-Id"]


def test_it_takes_no_parameters(process: ServerProcess) -> None:
    answer = process.get("/languages?script=Latn")
    assert (answer.status, answer.code) == (400, "bad_field")


def test_head(process: ServerProcess) -> None:
    answer = process.request("HEAD", "/languages")
    assert (answer.status, answer.body) == (200, b"")


def test_an_engine_that_does_not_tell(wide: LiveServer) -> None:
    body = wide.get("/languages").json
    assert (body["languages"], body["scripts"], body["others"]) == ([], [], "")
