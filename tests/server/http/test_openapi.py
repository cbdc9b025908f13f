"""The description at /openapi.json matches the code: routes, fields, codes, answers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from schemathesis.specs.openapi import definitions

from cache.keys import digest
from ocr_engine.options import RecognitionOptions
from server.errors import BadField
from server.http.errors import STATUS
from server.http.openapi.description import describe
from server.http.openapi.fields import MEANINGS, field_schemas
from server.http.openapi.responses import RESULT_TYPES
from server.http.routes import make_application
from server.intake.fields import Form
from server.intake.request_fields import (
    BODY_ONLY,
    DOCUMENT_FIELDS,
    KNOWN_FIELDS,
    OPTION_FIELDS,
    RENDERING_FIELDS,
    REQUEST_FIELDS,
    parse_request,
)
from server.intake.sources import build_sources
from server.settings.loading import build
from server.settings.settings import Settings
from tests.api_description.closed_schemas import closed, problems
from tests.support.cards import card
from tests.support.live_server import LiveServer

DEFAULTS = RecognitionOptions()
WITH_URLS = build(Settings, {"image_urls": {"enabled": True}}, "")
SOURCES = build_sources(WITH_URLS, 1000, lambda *_: None, lambda _: nullcontext())
DESCRIPTION = describe(Settings(), DEFAULTS)
FIELDS = field_schemas(DEFAULTS)
FORMATS = FIELDS["format"]["enum"]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
IN_A_PATH = {
    "id": "no-such-job",
    "key_id": "00000000",
    "md5": "0" * 32,
    "file": "nothing.js",
    "page": "1",
}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The target of a reference."""
    found: Any = node
    if "$ref" in node:
        found = DESCRIPTION
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return dict(found)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def address(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: IN_A_PATH[found[1]], path)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node:
        if isinstance(below, dict | list):
            yield from nodes(below)


def answer_schema(path: str, method: str, status: int) -> dict[str, Any]:
    answers = DESCRIPTION["paths"][path][method]["responses"]
    schema: dict[str, Any] = resolved(answers[str(status)])["content"]["application/json"]["schema"]
    return schema


def test_it_is_openapi_3_1() -> None:
    errors = definitions.OPENAPI_31_VALIDATOR.iter_errors(DESCRIPTION)
    assert not [f"{error.instance_path}: {error.message}" for error in errors]


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for node in nodes(DESCRIPTION) if "$ref" in node]
    assert references
    for reference in references:
        assert resolved({"$ref": reference}), reference


def test_operations_are_told_apart() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in DESCRIPTION["tags"]}
    assert all(set(operation["tags"]) <= tags for _, _, operation in operations())


def test_it_has_every_route_and_no_other(wide: LiveServer) -> None:
    application = wide.call(lambda: make_application(wide.context))
    rules = application.wildcard_router.rules
    patterns = {rule.matcher.regex.pattern for rule in rules if hasattr(rule.matcher, "regex")}
    described = {path: address(path) for path in DESCRIPTION["paths"]}
    matches = {
        path: [pattern for pattern in patterns if re.fullmatch(pattern, url)]
        for path, url in described.items()
    }
    assert all(len(found) == 1 for found in matches.values()), matches
    assert sorted(found[0] for found in matches.values()) == sorted(patterns)


@pytest.mark.parametrize("path", DESCRIPTION["paths"])
def test_it_has_every_method_and_no_other(wide: LiveServer, path: str) -> None:
    described = {method.upper() for at, method, _ in operations() if at == path}
    for method in METHODS:
        reply = wide.request(method, address(path))
        if method in described:
            assert reply.status != 405, method
        else:
            assert reply.status == 405, method
            assert set(reply.headers["Allow"].split(", ")) == described


def test_every_error_code_is_described() -> None:
    codes: dict[str, set[str]] = {}
    for error, status in STATUS.items():
        codes.setdefault(str(status), set()).add(error.code)
    assert set(DESCRIPTION["components"]["schemas"]["ErrorCode"]["enum"]) == set.union(
        *codes.values()
    )
    shown = DESCRIPTION["components"]["responses"].values()
    examples = [set(answer["content"]["application/json"]["examples"]) for answer in shown]
    assert sorted(map(sorted, examples)) == sorted(map(sorted, codes.values()))
    assert all(error.example for error in STATUS)


def test_every_field_is_described() -> None:
    assert list(FIELDS) == list(KNOWN_FIELDS)
    assert all(MEANINGS.get(name) for name in KNOWN_FIELDS)
    assert all({"type", "anyOf"} & set(schema) for schema in FIELDS.values())
    assert set(FORMATS) <= set(RESULT_TYPES)


@pytest.mark.parametrize(
    ("path", "apart"), [("/ocr_service", set()), ("/ocr", {"file_type", "filename"})]
)
def test_a_body_has_every_field(path: str, apart: set[str]) -> None:
    body = describe(WITH_URLS, DEFAULTS)["paths"][path]["post"]["requestBody"]["content"][
        "multipart/form-data"
    ]
    found = {name for form in body["schema"]["anyOf"] for name in form["properties"]}
    assert found == {*KNOWN_FIELDS, "file"} - apart


def test_the_query_has_what_the_handler_takes() -> None:
    query = {
        path: {each["name"] for each in item["parameters"] if each.get("in") == "query"}
        for path, method, item in operations()
        if (path, method) in (("/ocr", "post"), ("/results/{md5}", "get"))
    }
    assert query["/results/{md5}"] == {*RENDERING_FIELDS, *OPTION_FIELDS}
    documents = {*DOCUMENT_FIELDS} - {*BODY_ONLY}
    assert query["/ocr"] == {*REQUEST_FIELDS, *documents, *RENDERING_FIELDS, *OPTION_FIELDS}


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        (name, value, good)
        for name, schema in FIELDS.items()
        for value, good in [
            *[(each, True) for each in schema.get("enum", []) if name != "file_type"],
            *[(each, True) for each in schema.get("anyOf", [{}, {}])[1].get("enum", [])],
            *[(schema[bound], True) for bound in ("minimum", "maximum") if bound in schema],
            *([(schema["minimum"] - 0.25, False)] if "minimum" in schema else []),
            *([(schema["maximum"] + 0.25, False)] if "maximum" in schema else []),
            *([("nonsense", False)] if {"enum", "anyOf"} & set(schema) else []),
        ]
    ],
)
def test_the_limits_are_those_of_the_parser(name: str, value: Any, good: bool) -> None:
    form = Form({name: value}, b"any")
    if good:
        parse_request(form, SOURCES, DEFAULTS)
    else:
        with pytest.raises(BadField):
            parse_request(form, SOURCES, DEFAULTS)


def test_limits_and_defaults_are_those_of_the_settings() -> None:
    values = {
        "web_server": {"max_body_mb": 3},
        "ocr": {"max_pixels": 1234567, "process": {"queue_size": 17}},
    }
    settings = build(Settings, values, "")
    description = describe(settings, dataclasses.replace(DEFAULTS, shown_score=0.125))
    told = description["info"]["description"]
    assert "3 MiB" in told
    assert "1,234,567 pixels" in told
    assert "17 images" in told
    query = description["paths"]["/ocr"]["post"]["parameters"]
    (drop_score,) = [each for each in query if each.get("name") == "drop_score"]
    assert drop_score["schema"] == {"type": "number", "minimum": 0, "maximum": 1, "default": 0.125}


def test_every_example_is_valid() -> None:
    strict = closed(DESCRIPTION)
    checked = 0
    for content in [node for node in nodes(strict) if "schema" in node]:
        shown = [example["value"] for example in content.get("examples", {}).values()]
        for value in [*shown, *([content["example"]] if "example" in content else [])]:
            checked += 1
            assert not problems(value, content["schema"], strict)
    assert checked > 40


def test_an_invalid_example_would_be_seen() -> None:
    strict = closed(DESCRIPTION)
    schema = answer_schema("/livez", "get", 200)
    assert problems({"status": "asleep"}, schema, strict)
    assert problems({"status": "alive", "more": 1}, schema, strict)
    assert not problems({"status": "alive"}, schema, strict)


@pytest.mark.parametrize("chosen", FORMATS)
def test_a_format_comes_as_described(wide: LiveServer, chosen: str) -> None:
    reply = wide.upload(card("as described\nin two lines"), format=chosen)
    assert reply.status == 200
    media_type = reply.headers["Content-Type"].partition(";")[0]
    assert media_type == RESULT_TYPES[chosen][0]
    assert media_type in DESCRIPTION["paths"]["/ocr"]["post"]["responses"]["200"]["content"]
    if media_type == "application/json":
        assert not problems(reply.json, RESULT_TYPES[chosen][1], closed(DESCRIPTION))


def test_answers_have_no_field_that_is_not_described(wide: LiveServer, gate: Any) -> None:
    strict = closed(DESCRIPTION)
    image = card(f"hold {gate}")
    started = wide.upload(image, block_flag="0")
    url = started.json["job"]["url"]
    running = wide.get(url)
    refused = wide.request("DELETE", f"/jobs/{'0' * 20}")
    gate.unlink()
    done = wide.get(f"{url}?wait=10")
    assert (started.status, running.status, done.status) == (202, 200, 200)
    assert done.json["job"]["state"] == "done"
    for reply, path, method in [
        (started, "/ocr", "post"),
        (running, "/jobs/{id}", "get"),
        (done, "/jobs/{id}", "get"),
        (refused, "/jobs/{id}", "delete"),
        (wide.get(f"/results/{digest(image).md5}"), "/results/{md5}", "get"),
        (wide.get("/healthz"), "/healthz", "get"),
        (wide.get("/readyz"), "/readyz", "get"),
    ]:
        schema = answer_schema(path, method, reply.status)
        assert not problems(reply.json, schema, strict), path


def test_the_address_of_the_description(wide: LiveServer) -> None:
    reply = wide.get("/openapi.json")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.json["paths"].keys() == DESCRIPTION["paths"].keys()
    assert "1 MiB" in reply.json["info"]["description"]
    again = wide.get("/openapi.json", {"If-None-Match": reply.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    head = wide.request("HEAD", "/openapi.json")
    assert (head.body, head.headers["Content-Length"]) == (b"", str(len(reply.body)))
