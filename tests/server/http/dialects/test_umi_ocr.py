"""The answers of Umi-OCR's API: codes, formats, and how lines end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocr_engine.model_sets import LoadableSet, ModelSets
from server.http.dialects.umi_options import (
    PARSERS,
    described,
    ended_lines,
    ignored_areas,
    own_fields,
)
from tests.support.cards import CONFIDENCE, card
from tests.support.fake_recognizers import load_echo
from tests.support.foreign_calls import base64_of
from tests.support.live_server import LiveServer
from tests.support.made_pages import DOCUMENT

MODELS = ModelSets(LoadableSet(load_echo, "one"), (LoadableSet(load_echo, "two"),))


def umi(server: LiveServer, image: bytes, **options: object) -> Any:
    body = {"base64": base64_of(image), "options": options}
    reply = server.post_json(body, path="/api/ocr")
    assert reply.status == 200
    reply.body.decode("ascii")
    return reply.json


def test_the_answer(fluent: LiveServer) -> None:
    answer = umi(fluent, card("路牌\nin the dark"))
    assert list(answer) == ["code", "time", "timestamp", "score", "data"]
    assert (answer["code"], answer["score"]) == (100, CONFIDENCE)
    assert answer["data"][0] == {
        "text": "路牌",
        "score": CONFIDENCE,
        "box": [[0, 0], [40, 0], [40, 9], [0, 9]],
        "end": "\n",
    }
    assert [line["text"] for line in answer["data"]] == ["路牌", "in the dark"]


def test_the_text_alone(fluent: LiveServer) -> None:
    image = card("first\nsecond")
    assert umi(fluent, image, **{"data.format": "text"})["data"] == "first\nsecond"
    assert umi(fluent, image, **{"data.format": "text", "tbpu.parser": "multi_none"})["data"] == (
        "first second"
    )
    code = card("def read():\nreturn 1")
    indented = umi(fluent, code, **{"data.format": "text", "tbpu.parser": "single_code"})
    assert indented["data"].splitlines()[0] == "def read():"
    assert fluent.begun("def read():") == 1


def test_an_image_without_text(fluent: LiveServer) -> None:
    answer = umi(fluent, card(""))
    assert (answer["code"], answer["data"]) == (101, "No text found in image.")
    everything = [[[0, 0], [999, 999]]]
    answer = umi(fluent, card("ignored"), **{"tbpu.ignoreArea": everything})
    assert (answer["code"], answer["data"]) == (101, "")


def test_areas_that_are_ignored(fluent: LiveServer) -> None:
    answer = umi(fluent, card("one\ntwo\nthree"), **{"tbpu.ignoreArea": [[[0, 9], [50, 19]]]})
    assert [line["text"] for line in answer["data"]] == ["one", "three"], "wholly inside"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"nonsense", 800),
        (b"[]", 800),
        (b"{}", 802),
        (b'{"base64": ""}', 802),
        (b'{"base64": 7}', 802),
        (b'{"base64": "aGk=", "options": []}', 802),
        (b'{"base64": "aGk=", "options": [1]}', 803),
        (b'{"base64": "aGk=", "options": {"tbpu.ignoreArea": [1]}}', 804),
        (b'{"base64": "aGk=", "options": {"data.format": "xml"}}', 804),
        (b'{"base64": "aGk=", "options": {"ocr.cls": "perhaps"}}', 804),
        (b'{"base64": "%%%"}', 901),
        (b'{"base64": "aGk="}', 901),
    ],
)
def test_codes_of_errors(fluent: LiveServer, body: bytes, code: int) -> None:
    reply = fluent.post_json(body, path="/api/ocr")
    if b'"options": []' in body:
        code = 901  # no options; the bytes are no image
    assert (reply.status, reply.json["code"]) == (200, code), reply.body
    assert isinstance(reply.json["data"], str) and reply.json["data"]


def test_a_server_that_stops(fluent: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fluent.context, "draining", True)
    answer = umi(fluent, card("too late for Umi"))
    assert answer["code"] == 902


def test_options_reach_the_engine(fluent: LiveServer) -> None:
    given = {"ocr.cls": False, "ocr.limit_side_len": 960, "ocr.language": "models/config_en.txt"}
    options = json.loads(umi(fluent, card("options"), **given)["data"][0]["text"])
    assert (options["use_angle_cls"], options["det_limit_side_len"]) == (False, 960)
    assert options["det_limit_type"] == "max"


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({}, {}),
        ({"ocr.limit_side_len": 999999, "unknown": []}, {}),
        ({"ocr.language": "two"}, {"models": "two"}),
        ({"tbpu.parser": "multi_para"}, {}),
        ({"tbpu.parser": "single_line"}, {"order": "raster"}),
        ({"tbpu.parser": "single_code"}, {"order": "raster", "text": "code"}),
        ({"tbpu.parser": "of the future"}, {}),
    ],
)
def test_options_as_our_own(options: dict[str, object], fields: dict[str, object]) -> None:
    assert own_fields(options, MODELS) == fields


@pytest.mark.parametrize("parser", PARSERS)
def test_every_parser_has_all_lines(parser: str) -> None:
    ended = list(ended_lines(DOCUMENT, parser, ()))
    assert [line.text for line, _ in ended] == [line.text for line in DOCUMENT.lines]
    assert ended[-1][1] == "\n"
    if not parser.endswith(("_para", "_none")):
        assert {end for _, end in ended} == {"\n"}


def test_paragraphs_end_where_blocks_do() -> None:
    ends = {line.text: end for line, end in ended_lines(DOCUMENT, "multi_para", ())}
    assert ends["ning, and then"] == " "
    assert ends["我们到了"] == ""
    assert ends["北门。"] == ends["A Trip # 1"] == ends["• bread"] == "\n"
    assert ends["Item"] == ends["milk"] == "\n", "cells of a table"


def test_no_line_ends() -> None:
    ends = [end for _, end in ended_lines(DOCUMENT, "multi_none", ())]
    assert "\n" not in ends[:-1]


def test_areas_of_other_forms() -> None:
    assert ignored_areas({"tbpu.ignoreArea": [[[1, 2], [3, 4]]]}) == [(1, 2, 3, 4)]
    assert ignored_areas({"tbpu.ignoreArea": None}) == []


def test_the_description_of_the_options(fluent: LiveServer) -> None:
    reply = fluent.get("/api/ocr/get_options")
    assert reply.json == described(fluent.context.service.engine.models)
    for option in described(MODELS).values():
        assert {"title", "default", "type"} <= set(option)
        if option["type"] == "enum":
            assert option["default"] in [value for value, _ in option["optionsList"]]
    assert [value for value, _ in described(MODELS)["ocr.language"]["optionsList"]] == [
        "one",
        "two",
    ]
