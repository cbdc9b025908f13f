"""HTTP requests from events, and what a function returns for an answer."""

from __future__ import annotations

import base64
import json

import pytest

from server.functions.http_events import (
    MAX_ANSWER_BYTES,
    MAX_BALANCER_BYTES,
    Answer,
    Request,
    error,
    is_http,
    request_of,
    result_of,
)
from tests.support.function_events import (
    CLIENT,
    HTTP,
    MakeEvent,
    balancer,
    balancer_several,
    function_url,
    gateway_v1,
    gateway_v2,
    s3_event,
    schedule_event,
)

PNG = b"\x89PNG\r\n\x1a\n\xff\x00"
JSON = ("Content-Type", "application/json; charset=utf-8")
every_form = pytest.mark.parametrize("make", HTTP.values(), ids=HTTP)


def values(request: Request, name: str) -> list[str]:
    return [value for given, value in request.headers if given.lower() == name]


@every_form
def test_a_request_arrives_as_it_was_sent(make: MakeEvent) -> None:
    headers = [("Content-Type", "image/png"), ("Authorization", "Bearer KEY"), ("Accept", "a, b")]
    request = request_of(make("POST", "/ocr", "format=text&order=raster", headers, PNG), "id-1")
    assert (request.method, request.body) == ("POST", PNG)
    assert request.target == "/ocr?format=text&order=raster"
    for name, value in headers:
        assert values(request, name.lower()) == [value]
    assert values(request, "x-request-id") == ["id-1"]
    assert len(values(request, "host")) == 1


@every_form
def test_the_id_of_the_client_is_kept(make: MakeEvent) -> None:
    request = request_of(make("GET", "/livez", "", [("X-Request-Id", "mine")]), "id-1")
    assert values(request, "x-request-id") == ["mine"]


@every_form
def test_a_body_of_text_arrives_in_utf_8(make: MakeEvent) -> None:
    body = '{"image": "…"}'.encode()
    assert request_of(make("POST", "/ocr", "", [JSON], body), "").body == body


@every_form
def test_a_client_can_only_be_named_by_aws(make: MakeEvent) -> None:
    forged = [
        ("Forwarded", "for=192.0.2.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Connection", "keep-alive"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "99999"),
    ]
    request = request_of(make("GET", "/", "", forged), "")
    names = [name.lower() for name, _ in request.headers]
    for name in ("forwarded", "x-forwarded-host", "connection", "transfer-encoding"):
        assert name not in names
    assert "content-length" not in names
    assert values(request, "x-forwarded-prefix") in ([], ["/test"])
    assert values(request, "x-forwarded-for") == [f"203.0.113.1, {CLIENT}"]


@pytest.mark.parametrize("make", [gateway_v1, gateway_v2, function_url])
def test_the_address_of_a_client_behind_proxies_of_aws(make: MakeEvent) -> None:
    event = make("GET", "/", "")
    for headers in (event["headers"], event.get("multiValueHeaders") or {}):
        for name in headers:
            if name.lower() == "x-forwarded-for":
                forged = f"{CLIENT}, 130.176.0.1"  # the last one is a proxy of AWS
                headers[name] = [forged] if isinstance(headers[name], list) else forged
    assert values(request_of(event, ""), "x-forwarded-for") == [CLIENT]


@pytest.mark.parametrize("make", [gateway_v1, gateway_v2])
def test_a_stage_is_no_part_of_the_path(make: MakeEvent) -> None:
    request = request_of(make("GET", "/jobs/1"), "")
    assert request.target == "/jobs/1"
    assert values(request, "x-forwarded-prefix") == ["/test"]
    assert request_of(make("GET", "/"), "").target == "/"


def test_the_path_of_the_default_stage_has_no_stage() -> None:
    request = request_of(function_url("GET", "/test/1"), "")
    assert request.target == "/test/1"
    assert values(request, "x-forwarded-prefix") == []


def test_a_path_that_begins_like_the_stage() -> None:
    event = gateway_v2("GET", "/1")
    event["rawPath"] = "/tests/1"
    assert request_of(event, "").target == "/tests/1"
    event["rawPath"] = "/test"
    assert request_of(event, "").target == "/"


@pytest.mark.parametrize("make", [gateway_v1, gateway_v2, function_url, balancer_several])
def test_a_query_may_repeat_a_name(make: MakeEvent) -> None:
    assert request_of(make("GET", "/jobs", "state=done&state=failed"), "").target == (
        "/jobs?state=done&state=failed"
    )


@every_form
def test_a_query_is_quoted_as_the_client_did(make: MakeEvent) -> None:
    request = request_of(make("GET", "/jobs", "after=%E4%B9%A6%26%3D&empty="), "")
    assert request.target == "/jobs?after=%E4%B9%A6%26%3D&empty="


@every_form
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/results/a%2Fb", "/results/a%2Fb"),
        ("/书 店", "/%E4%B9%A6%20%E5%BA%97"),
        ("/a?b", "/a%3Fb"),
    ],
)
def test_a_path_is_a_path(make: MakeEvent, path: str, target: str) -> None:
    assert request_of(make("GET", path), "").target == target


def test_cookies_of_the_format_2() -> None:
    event = gateway_v2("GET", "/", "", [("Cookie", "a=1"), ("Cookie", "b=2")])
    assert values(request_of(event, ""), "cookie") == ["a=1; b=2"]


def test_an_event_may_have_null_for_what_is_missing() -> None:
    event = gateway_v1("GET", "/livez")
    event |= {"headers": None, "multiValueHeaders": None}
    request = request_of(event, "")
    assert values(request, "host") == ["localhost"]
    assert values(request, "x-forwarded-for") == [CLIENT]


def test_other_events_are_no_requests() -> None:
    assert all(is_http(make("GET", "/")) for make in HTTP.values())
    assert not is_http(s3_event("scans", "in/a.png"))
    assert not is_http(schedule_event())
    assert not is_http({"requestContext": None})


@every_form
def test_text_is_returned_as_text(make: MakeEvent) -> None:
    answer = Answer(200, [JSON, ("X-Request-Id", "id-1")], '{"text": "书店"}'.encode())
    result = result_of(make("POST", "/ocr"), answer)
    assert result["statusCode"] == 200
    assert result["isBase64Encoded"] is False
    assert result["body"] == '{"text": "书店"}'
    headers = result.get("headers") or result["multiValueHeaders"]
    assert headers["X-Request-Id"] in ("id-1", ["id-1"])


@every_form
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("Content-Type", "image/png")], PNG),
        ([("Content-Type", "text/html"), ("Content-Encoding", "gzip")], b"\x1f\x8b"),
        ([("Content-Type", "text/plain")], b"\xff"),
        ([("Content-Type", "application/octet-stream")], b"text"),
        ([], b"text"),
    ],
    ids=["image", "compressed", "no UTF-8", "bytes", "no type"],
)
def test_everything_else_is_returned_in_base64(
    make: MakeEvent, headers: list[tuple[str, str]], body: bytes
) -> None:
    result = result_of(make("POST", "/ocr"), Answer(200, headers, body))
    assert result["isBase64Encoded"] is True
    assert base64.b64decode(result["body"], validate=True) == body


@pytest.mark.parametrize(
    "kind",
    ["text/markdown", "application/alto+xml", "application/xml", "image/svg+xml; charset=utf-8"],
)
def test_kinds_of_text(kind: str) -> None:
    result = result_of(function_url("GET", "/"), Answer(200, [("Content-Type", kind)], b"a"))
    assert (result["isBase64Encoded"], result["body"]) == (False, "a")


@every_form
def test_an_answer_without_a_body(make: MakeEvent) -> None:
    headers = [("Content-Type", "image/png"), ("Content-Length", "1234"), ("Connection", "close")]
    result = result_of(make("HEAD", "/"), Answer(200, headers, b""))
    assert (result["isBase64Encoded"], result["body"]) == (False, "")
    returned = result.get("headers") or result["multiValueHeaders"]
    assert returned["Content-Length"] in ("1234", ["1234"])
    assert "Connection" not in returned


def test_headers_and_cookies_in_each_form() -> None:
    headers = [("Vary", "Origin"), ("Vary", "Accept"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    answer = Answer(200, headers, b"")
    result = result_of(function_url("GET", "/"), answer)
    assert result["headers"] == {"Vary": "Origin, Accept"}
    assert result["cookies"] == ["a=1", "b=2"]
    assert "multiValueHeaders" not in result
    several = {"Vary": ["Origin", "Accept"], "Set-Cookie": ["a=1", "b=2"]}
    for make in (gateway_v1, balancer_several):
        result = result_of(make("GET", "/"), answer)
        assert result["multiValueHeaders"] == several
        assert not result.keys() & {"headers", "cookies"}


def test_a_load_balancer_gets_the_reason() -> None:
    for make in (balancer, balancer_several):
        result = result_of(make("GET", "/"), Answer(404, [], b""))
        assert result["statusDescription"] == "404 Not Found"
    assert "headers" in result_of(balancer("GET", "/"), Answer(404, [], b""))


@every_form
@pytest.mark.parametrize("kind", ["image/png", "text/plain"])
def test_an_answer_that_aws_would_not_return(make: MakeEvent, kind: str) -> None:
    event = make("POST", "/ocr")
    limit = MAX_BALANCER_BYTES if "elb" in event["requestContext"] else MAX_ANSWER_BYTES
    headers = [("Content-Type", kind), ("X-Request-Id", "id-1")]
    result = result_of(event, Answer(200, headers, b"a" * limit))
    assert result["statusCode"] == 413
    told = json.loads(result["body"])["error"]
    assert (told["code"], told["request_id"]) == ("body_too_large", "id-1")
    assert f"larger than {limit} bytes" in told["message"]
    fits = Answer(200, headers, b"a" * (limit * 3 // 4 - 2000))
    assert result_of(event, fits)["statusCode"] == 200


def test_an_error_says_when_to_try_again() -> None:
    answer = error(503, "starting", "the server is starting", "id-1")
    assert answer.header("retry-after") == "1"
    assert answer.header("x-request-id") == "id-1"
    assert json.loads(answer.body) == {
        "status": "error",
        "error": {"code": "starting", "message": "the server is starting", "request_id": "id-1"},
    }
    assert error(413, "body_too_large", "", "").header("retry-after") == ""
