"""All errors of requests: status, code and message."""

from __future__ import annotations

import json
import logging
from urllib.parse import urlencode

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, Reply, image_part, multipart
from tests.support.live_server import LiveServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def send(server: LiveServer, *parts: Part, path: str = "/ocr_service") -> Reply:
    body, headers = multipart(parts)
    return server.request("POST", path, body, headers)


IMAGE = image_part(card("fine"))


@pytest.mark.parametrize(
    ("parts", "code", "mention"),
    [
        ([IMAGE, Part("format", b"xml")], "bad_field", "json, text, legacy"),
        ([IMAGE, Part("timeout_ms", b"0")], "bad_field", "timeout_ms"),
        ([IMAGE, Part("timeout_ms", b"soon")], "bad_field", "expected an integer"),
        ([IMAGE, Part("drop_score", b"1.5")], "bad_field", "from 0 to 1"),
        ([IMAGE, Part("drop_score", b"nan")], "bad_field", "drop_score"),
        ([IMAGE, Part("det_limit_side_len", b"100000")], "bad_field", "from 32 to 4000"),
        ([IMAGE, Part("det_db_unclip_ratio", b"-1")], "bad_field", "det_db_unclip_ratio"),
        ([IMAGE, Part("use_angle_cls", b" ")], "bad_field", "true or false"),
        ([IMAGE, Part("blok_flag", b"1")], "bad_field", "did you mean block_flag?"),
        ([IMAGE, Part("zzz", b"1")], "bad_field", "file_type, filename, image"),
        ([IMAGE, Part("format", b"\xff\xfe")], "bad_field", "UTF-8"),
    ],
)  # fmt: skip
def test_fields_of_a_form(wide: LiveServer, parts: list[Part], code: str, mention: str) -> None:
    assert_error(send(wide, *parts), 400, code, mention)


@pytest.mark.parametrize(
    ("body", "code", "mention"),
    [
        (b"", "bad_request", "JSON"),
        (b"{", "bad_request", "JSON"),
        (b"[]", "bad_request", "object"),
        (b"[" * 100_000, "bad_request", "JSON"),
        (b'{"image": "\xff"}', "bad_request", "JSON"),
        (b"{}", "missing_file", "`file`"),
        (b'{"image": 5}', "bad_field", "image must be a string"),
        (b'{"image": null}', "missing_file", "`image`"),
        (b'{"image": ["aGk="]}', "bad_field", "'image'"),
        (b'{"image": "!!!!"}', "bad_field", "not valid base64"),
        (b'{"image": "aGk=aGk="}', "bad_field", "not valid base64"),
        (b'{"image": "data:image/png;base64,"}', "missing_file", "`image`"),
        (b'{"image": "aGk=", "drop_score": true}', "bad_field", "drop_score"),
        (b'{"image": "aGk=", "drop_score": NaN}', "bad_field", "drop_score"),
        (b'{"image": "aGk=", "drop_score": 1e999}', "bad_field", "drop_score"),
        (b'{"image": "aGk=", "drop_score": 1%s}' % (b"0" * 400), "bad_field", "drop_score"),
        (b'{"image": "aGk=", "timeout_ms": 1%s}' % (b"0" * 400), "bad_field", "timeout_ms"),
        (b'{"image": "aGk=", "block_flag": "null"}', "bad_field", "block_flag"),
        (b'{"image": "aGk=", "format": "\\ud800"}', "bad_field", "format"),
        (b'{"image": "aGk=", "file_type": "\\ud800"}', "bad_field", "file_type"),
        (b'{"image": "aGk=", "\\ud800": 1}', "bad_field", "unknown field"),
    ],
    ids=lambda value: value[:48].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_json_bodies(wide: LiveServer, body: bytes, code: str, mention: str) -> None:
    assert_error(wide.post_json(body), 400, code, mention)


@pytest.mark.parametrize(
    ("fields", "code", "mention"),
    [
        ([], "missing_file", "`file`"),
        ([("image", "%%%%")], "bad_field", "not valid base64"),
        ([(f"f{n}", "x") for n in range(101)], "bad_request", "urlencoded"),
    ],
)
def test_urlencoded_bodies(
    wide: LiveServer, fields: list[tuple[str, str]], code: str, mention: str
) -> None:
    reply = wide.request("POST", "/ocr_service", urlencode(fields).encode(), FORM)
    assert_error(reply, 400, code, mention)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "image/png", "multipart/form-data", "multipart/mixed", ""],
)
def test_a_content_type_that_is_none_of_the_three(wide: LiveServer, content_type: str) -> None:
    reply = wide.request("POST", "/ocr_service", b"x", {"Content-Type": content_type})
    mention = "boundary" if content_type == "multipart/form-data" else "application/json"
    assert_error(reply, 400, "bad_request", mention)


def test_a_part_without_a_name(wide: LiveServer) -> None:
    body, headers = multipart([IMAGE])
    broken = body.replace(b'form-data; name="file"', b"form-data")
    reply = wide.request("POST", "/ocr_service", broken, headers)
    assert_error(reply, 400, "bad_request", "no name")


def test_fields_in_the_query_of_the_old_service(wide: LiveServer) -> None:
    reply = send(wide, IMAGE, path="/ocr_service?format=text")
    assert_error(reply, 400, "bad_field", "query")


@pytest.mark.parametrize(
    ("query", "mention"),
    [
        ("colour=1", "'colour'"),
        ("drop_score=2", "drop_score = 2"),
        ("format=text&format=json", "'format' is given more than once"),
        ("timeout_ms=1.5", "timeout_ms"),
    ],
)
def test_parameters_of_ocr(wide: LiveServer, query: str, mention: str) -> None:
    assert_error(send(wide, IMAGE, path=f"/ocr?{query}"), 400, "bad_field", mention)


def test_ocr_reads_no_files_of_the_server(wide: LiveServer) -> None:
    reply = wide.post_json({"file_type": "filename", "filename": "a.png"}, "/ocr")
    assert_error(reply, 400, "bad_field", "/ocr_service")


def test_ocr_without_a_body(wide: LiveServer) -> None:
    reply = wide.request("POST", "/ocr", b"", {"Content-Type": "image/png"})
    assert_error(reply, 400, "missing_file", "body is empty")


def test_a_recognizer_that_fails_tells_the_log_and_not_the_client(
    wide: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    reply = send(wide, image_part(card("fail")))
    assert_error(reply, 500, "internal_error", "log")
    (record,) = (r for r in caplog.records if r.levelno >= logging.ERROR)
    assert reply.headers["X-Request-Id"] in record.getMessage()
    caplog.clear()


def test_an_image_that_needs_too_much_memory(wide: LiveServer) -> None:
    assert_error(send(wide, image_part(card("swell"))), 422, "image_too_complex", "memory")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ocr_service"),
        ("PUT", "/ocr_service"),
        ("GET", "/ocr"),
        ("POST", "/livez"),
        ("POST", "/jobs/abc"),
        ("PUT", "/results/" + "0" * 32),
        ("BREW", "/ocr_service"),
        ("BREW", "/livez"),
    ],
)
def test_a_wrong_method(wide: LiveServer, method: str, path: str) -> None:
    reply = wide.request(method, path, b"x")
    assert_error(reply, 405, "method_not_allowed", method)


@pytest.mark.parametrize(
    ("path", "allowed"), [("/ocr_service", {"POST"}), ("/livez", {"GET"}), ("/jobs/abc",
    {"GET", "DELETE"})]
)  # fmt: skip
def test_a_wrong_method_is_told_the_right_ones(
    wide: LiveServer, path: str, allowed: set[str]
) -> None:
    """RFC 9110, 15.5.6: a 405 must have an Allow header."""
    given = wide.request("PUT", path, b"x").headers.get("Allow", "")
    assert allowed <= {method.strip() for method in given.split(",")}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/nowhere", "/ocr_service/", "/results/xyz", "/jobs/", "//"])
def test_an_unknown_path(wide: LiveServer, method: str, path: str) -> None:
    assert_error(wide.request(method, path), 404, "not_found", "no page has this address")


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("/v1/chat/completions", "dialect openai, which web_server.dialects"),
        ("/dialects/openai/v1/models/x", "dialect openai, which web_server.dialects"),
        ("/dialects/crnn/ocr", "dialect crnn, which web_server.dialects"),
        ("/mcp", "mcp.enabled"),
    ],
)
def test_a_path_that_a_setting_would_switch_on(wide: LiveServer, path: str, setting: str) -> None:
    reply = wide.request("POST", path, b"{}", JSON)
    assert_error(reply, 404, "not_found", f"{setting} switches")


def test_messages_are_utf8_json(wide: LiveServer) -> None:
    reply = wide.request("POST", "/ocr_service", json.dumps({"é": 1}).encode(), JSON)
    assert_error(reply, 400, "bad_field", "é")
