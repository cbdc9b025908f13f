"""Which routes there are when dialects are on, and whose requests a shared path gets."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.http.openapi.description import describe
from server.http.routes import make_application
from server.settings.dialect_row import DialectRow
from server.settings.dialects import DIALECTS, NAMES, DialectNames, chosen
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.error_replies import assert_error
from tests.support.foreign_calls import BYTES, JSON, as_form, base64_of
from tests.support.http_client import Part, multipart
from tests.support.live_server import LiveServer

DOCS = ROOT / "docs" / "dialects.md"


def patterns_of(server: LiveServer) -> list[str]:
    application = server.call(lambda: make_application(server.context))
    rules = application.wildcard_router.rules
    return [rule.matcher.regex.pattern for rule in rules if hasattr(rule.matcher, "regex")]


def test_the_description_names_every_route_that_it_does_not_describe(
    fluent: LiveServer, wide: LiveServer
) -> None:
    introduction = describe(fluent.context.settings, fluent.context.default_options)
    told = introduction["info"]["description"]
    added = set(patterns_of(fluent)) - set(patterns_of(wide))
    for row in DIALECTS:
        assert row.prefix in told
        for route, address in zip(row.routes, row.addresses, strict=True):
            assert address in told
            added.remove(f"{row.prefix}{route.pattern}$")
            if route.place == "own":
                added.remove(f"{route.pattern}$")
    assert added == set()
    plain = describe(wide.context.settings, wide.context.default_options)
    assert "dialects" not in plain["info"]["description"]


def test_no_two_dialects_have_the_same_path(fluent: LiveServer) -> None:
    patterns = set(patterns_of(fluent))  # without the second one of POST /batches
    for row in DIALECTS:
        for route in row.routes:
            path = f"{row.prefix}{re.sub(r'{[a-z]+}', 'x', route.path)}"
            assert sum(bool(re.fullmatch(each, path)) for each in patterns) == 1, path


@pytest.mark.parametrize("row", DIALECTS, ids=lambda row: row.name)
def test_methods_that_a_route_does_not_have(fluent: LiveServer, row: DialectRow) -> None:
    for route in row.routes:
        path = row.prefix + re.sub(r"{[a-z]+}", "x", route.path)
        reply = fluent.request("PATCH", path)
        methods = [method for method in reply.headers["Allow"].split(", ") if method != "HEAD"]
        assert set(route.methods.split(", ")) <= set(methods), path
        assert reply.status in (200, 405)


def test_without_the_setting_there_are_no_dialects(wide: LiveServer) -> None:
    assert "/predict/ocr_system" not in str(patterns_of(wide))
    reply = wide.post_json({"file": base64_of(card("not PaddleX"))}, path="/ocr")
    assert_error(reply, 400, "bad_field", "unknown field file")
    assert_error(wide.post_json({}, path="/dialects/paddlex/ocr"), 404, "not_found")


def test_modules_are_imported_with_their_first_request() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import dataclasses, sys, server.app\n"
            "from server.http.routes import make_application\n"
            "from server.settings.dialects import DIALECTS, NAMES\n"
            "from server.settings.settings import Settings, WebServerSettings\n"
            "settings = Settings(web_server=WebServerSettings(dialects=NAMES))\n"
            "make_application(server.app.build_context(settings, load=object))\n"
            "unneeded = {f'server.http.dialects.{row.module}' for row in DIALECTS}\n"
            "print(sorted(unneeded & set(sys.modules)))\n",
        ],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"


def test_requests_of_our_own_to_a_shared_path(fluent: LiveServer) -> None:
    """As strict as ever, whatever other servers tolerate there."""
    text = "ours\nand ours alone"
    image = card(text)
    assert fluent.upload(image, path="/ocr").text == text
    assert fluent.request("POST", "/ocr", image, BYTES).text == text
    assert fluent.post_json({"image": base64_of(image)}, path="/ocr").text == text
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body, mention in [
        (b'{"image": "aGk=", "image": "aGk="}', "more than once"),
        (b'{"image": {"file": "aGk="}}', "must be a string"),
        (b'{"image": "aGk=", "unknown": 1}', "unknown field"),
    ]:
        assert_error(fluent.request("POST", "/ocr", body, JSON), 400, "bad_field", mention)
    twice = b"image=aGk%3D&image=aGk%3D"
    assert_error(fluent.request("POST", "/ocr", twice, form), 400, "bad_field", "more than once")
    body, headers = multipart([Part("photo", image, "page.png")])
    assert_error(fluent.request("POST", "/ocr", body, headers), 400, "bad_field", "name it `file`")


def test_whose_request_it_is_decides_about_the_errors(fluent: LiveServer) -> None:
    reply = fluent.request("POST", "/ocr", b'{"file": "%%%", "image": {}}', JSON)
    assert (reply.status, reply.json["errorCode"]) == (422, 422)
    assert "field `file`" in reply.json["errorMsg"]
    assert as_form("image_file")(fluent, "/ocr", b"", {}).json["detail"][0]["type"] == (
        "missing_file"
    )
    broken = fluent.request("POST", "/ocr", b'{"file": ', JSON)
    assert_error(broken, 400, "bad_request", "not JSON")


def test_rapidocr_takes_base64_in_both_kinds_of_forms(fluent: LiveServer) -> None:
    image = base64.b64encode(card("rapid") + bytes(5000))
    body, headers = multipart([Part("image_data", image), Part("use_cls", b"True")])
    assert fluent.request("POST", "/ocr", body, headers).json["0"]["rec_txt"] == "rapid"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    encoded = b"image_data=" + image.replace(b"+", b"%2B").replace(b"=", b"%3D")
    assert fluent.request("POST", "/ocr", encoded, form).json["0"]["rec_txt"] == "rapid"


@pytest.mark.parametrize("row", DIALECTS, ids=lambda row: row.name)
def test_the_example_of_every_dialect(fluent: LiveServer, row: DialectRow, tmp_path: Path) -> None:
    """As `ocr-server dialects` and the docs show it: with curl, in a shell."""
    text = f"example of {row.name}"
    image = tmp_path / "card.png"
    image.write_bytes(card(text))
    command = row.curl.replace("SERVER", f"http://127.0.0.1:{fluent.port}")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("IMAGE", str(image))],
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    if row.name == "paddleocr-jobs":
        assert json.loads(done.stdout)["data"]["jobId"]
    elif row.name == "azure-documents":
        assert "Operation-Location: http://" in done.stdout
    else:
        words = re.findall(r"[\w-]+", done.stdout)
        assert [word for word in text.split() if word not in words] == []


def test_the_setting() -> None:
    names = DialectNames()
    assert names(["all"]) == NAMES
    assert names("mistral, paddlex") == ("paddlex", "mistral")
    for wrong in (["paddle"], "nonsense", 1, [1], {"paddlex": True}):
        with pytest.raises(ValueError, match='expected \\["all"\\]'):
            names(wrong)
    assert [row.name for row in chosen(("kserve", "paddlex"))] == ["paddlex", "kserve"]


def test_every_dialect_has_its_section_in_the_docs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    headings = re.findall(r"^## .* \(`([a-z-]+)`\)$", text, re.MULTILINE)
    assert headings == list(NAMES)
    for row in DIALECTS:
        assert all(address in text for address in row.addresses), row.name
        assert (
            row.curl.replace("SERVER", "http://127.0.0.1:8888").replace("IMAGE", "imgs/sign.jpg")
            in text
        ), row.name
