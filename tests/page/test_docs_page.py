"""The page at /docs in a browser: all operations, their forms, no third-party hosts."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from ocr_engine.options import RecognitionOptions
from server.http.openapi.description import describe
from server.settings.loading import build
from server.settings.settings import Settings
from tests.support.cards import card
from tests.support.live_server import LiveServer

ALL_FIELDS = build(Settings, {"image_urls": {"enabled": True}}, "")
DESCRIPTION = describe(ALL_FIELDS, RecognitionOptions())
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def docs(browser: Browser, wide: LiveServer) -> Iterator[Page]:
    """The loaded page; fails at the end on console messages or requests to other hosts."""
    page = browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 900})
    page.set_default_timeout(5000)
    console_messages: list[str] = []
    requested: list[str] = []
    page.on("console", lambda message: console_messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: console_messages.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"http://127.0.0.1:{wide.port}/docs")
    expect(page.locator("#schemas")).to_be_visible()
    yield page
    page.close()
    expected = [each for each in console_messages if "status of 4" not in each]
    assert not expected
    own = re.compile(rf"(http|blob:http)://127\.0\.0\.1:{wide.port}/|data:")
    assert not [url for url in requested if not own.match(url)]


def opened(page: Page, operation: str) -> Any:
    details = page.locator(f"#{operation}")
    details.locator(":scope > summary").click()
    return details


def sent(page: Page, details: Any) -> Any:
    details.get_by_role("button", name="Send").click()
    answer = details.locator(".answered")
    expect(answer).to_be_visible()
    return answer


def test_every_operation_is_there(docs: Page) -> None:
    operations = [
        operation["operationId"]
        for item in DESCRIPTION["paths"].values()
        for method, operation in item.items()
        if method not in ("parameters", "head")
    ]
    shown = docs.locator("details.operation").evaluate_all("all => all.map(each => each.id)")
    assert sorted(shown) == sorted(operations)
    linked = docs.locator("#contents li a").evaluate_all("all => all.map(each => each.hash)")
    assert sorted(linked) == sorted(f"#{name}" for name in operations)


def test_an_operation_lists_parameters_body_and_responses(docs: Page) -> None:
    details = opened(docs, "ocr")
    for text in ("det_limit_side_len", "integer, 32 – 4000", "multipart/form-data", "X-Request-Id"):
        expect(details.get_by_text(text, exact=True).first).to_be_attached()
    statuses = details.locator("details.answer > summary .status").all_inner_texts()
    assert " ".join(statuses) == "200 202 400 401 403 409 413 415 421 422 429 500 502 503 504"
    details.locator("details.answer > summary").first.click()
    expect(details.get_by_text("Server-Timing")).to_be_visible()


def test_every_error_code_is_listed(docs: Page) -> None:
    codes = (
        docs.get_by_role("group", name="Errors", exact=True).locator("tbody th").all_inner_texts()
    )
    assert sorted(codes) == sorted(DESCRIPTION["components"]["schemas"]["ErrorCode"]["enum"])


@pytest.mark.parametrize("kind", ["multipart/form-data: file", "image/*"])
def test_an_upload_and_its_curl_line(
    docs: Page, wide: LiveServer, tmp_path: Path, kind: str
) -> None:
    image = tmp_path / "it's an image; really.png"
    image.write_bytes(card(HOSTILE))
    details = opened(docs, "ocr")
    details.get_by_label("Body type").select_option(kind)
    details.get_by_label("Image", exact=True).set_input_files(image)
    details.get_by_label("drop_score").first.fill("0.25")
    answer = sent(docs, details)
    expect(details.locator(".message")).to_contain_text("200 OK in")
    body = answer.locator(".answer-body")
    expect(body).to_contain_text(HOSTILE)
    shown = body.inner_text()
    (line,) = json.loads(shown)["data"]["lines"]
    assert [f"[{x}, {y}]" in shown for x, y in line["box"]] == [True] * 4
    assert answer.locator("img").count() == 0
    command = details.locator(".curl").inner_text()
    assert "drop_score=0.25" in command
    ended = subprocess.run(
        ["bash", "-c", f"{command} --silent --show-error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert HOSTILE in ended.stdout


@pytest.mark.parametrize(
    "kind", ["application/json: image", "application/x-www-form-urlencoded: image"]
)
def test_an_image_in_base64(docs: Page, tmp_path: Path, kind: str) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(card("in base64"))
    details = opened(docs, "ocrService")
    details.get_by_label("Body type").select_option(kind)
    details.get_by_label("Insert an image as Base64").set_input_files(image)
    expect(details.locator(".curl")).to_contain_text("iVBORw0KGgo")
    expect(sent(docs, details).locator(".answer-body")).to_contain_text("in base64")


def test_an_image_as_response(docs: Page, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(card("drawn"))
    details = opened(docs, "ocr")
    details.get_by_label("Image", exact=True).set_input_files(image)
    details.get_by_label("format", exact=True).select_option("image")
    shown = sent(docs, details).locator("img")
    expect(shown).to_be_visible()
    assert shown.evaluate("each => each.decode().then(() => each.naturalWidth)") > 0


def test_a_job_from_its_start_to_its_result(docs: Page, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(card("as a job"))
    details = opened(docs, "ocr")
    details.get_by_label("block_flag").first.select_option("false")
    details.get_by_label("Image", exact=True).set_input_files(image)
    answer = sent(docs, details)
    expect(answer.locator(".status")).to_have_text("202")
    found = re.search(r'"id": "([^"]+)"', answer.locator(".answer-body").inner_text())
    assert found is not None
    job = opened(docs, "getJob")
    job.locator("[id='try-getJob-path-id']").fill(found[1])
    job.get_by_label("wait").fill("5")
    expect(sent(docs, job).locator(".answer-body")).to_contain_text("as a job")


def test_an_error_response_is_shown(docs: Page) -> None:
    details = opened(docs, "getJob")
    details.locator("[id='try-getJob-path-id']").fill("nothing-like-it")
    answer = sent(docs, details)
    expect(answer.locator(".status")).to_have_text("404")
    expect(answer.locator(".answer-body")).to_contain_text("not_found")


def test_a_form_without_image_or_with_broken_json_is_not_sent(docs: Page) -> None:
    details = opened(docs, "ocrService")
    details.get_by_role("button", name="Send").click()
    expect(details.locator(".message")).to_have_text("Choose an image first.")
    details.get_by_label("Body type").select_option("application/json: image")
    details.get_by_label("JSON", exact=True).fill("{")
    details.get_by_role("button", name="Send").click()
    expect(details.locator(".message")).to_contain_text("Invalid JSON")
    assert details.locator(".answered").count() == 0


def test_a_url_fragment_opens_its_operation(docs: Page) -> None:
    docs.locator("#contents").get_by_role("link", name="/healthz").click()
    expect(docs.locator("#healthz .try")).to_be_visible()
    assert docs.url.endswith("#healthz")


def test_the_page_can_be_used_by_keyboard(docs: Page) -> None:
    docs.keyboard.press("Tab")
    expect(docs.get_by_role("link", name="Skip to content")).to_be_focused()
    docs.keyboard.press("Enter")
    summary = docs.locator("#livez > summary")
    for _ in range(40):
        docs.keyboard.press("Tab")
        if summary.evaluate("each => each === document.activeElement"):
            break
    docs.keyboard.press("Enter")
    send = docs.locator("#livez").get_by_role("button", name="Send")
    expect(send).to_be_visible()
    for _ in range(20):
        docs.keyboard.press("Tab")
        if send.evaluate("each => each === document.activeElement"):
            break
    docs.keyboard.press("Enter")
    expect(docs.locator("#livez .answer-body")).to_contain_text('"alive"')


def test_the_page_in_chinese(docs: Page) -> None:
    opened(docs, "ocr")
    docs.locator("#language-switch").click()
    expect(docs.locator("h1")).to_have_text("HTTP API")
    expect(docs.locator("#ocr").get_by_role("button", name="发送")).to_be_visible()
    assert docs.evaluate("document.documentElement.lang") == "zh-CN"
    keys = docs.evaluate(
        """async () => {
          const script = document.querySelector('script[type=module]').src;
          const { DICTIONARIES } = await import(script.replace('page.js', 'strings.js'));
          return [Object.keys(DICTIONARIES.en), Object.keys(DICTIONARIES.zh)];
        }"""
    )
    assert keys[0] == keys[1]


def test_all_of_the_description_is_in_chinese(docs: Page) -> None:
    docs.locator("#language-switch").click()
    for _ in range(2):  # the second time those inside of the first
        docs.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    expect(docs.locator("#static .try")).to_be_visible()
    described = docs.locator("[data-described]:not(code)")
    assert described.count() > 400
    english = docs.locator("[data-described][lang=en]:not(code, :empty)")
    untranslated = english.all_text_contents()
    assert sorted(set(untranslated)) == []
    types = docs.locator("code[data-described]").all_text_contents()
    assert [text for text in types if "characters" in text] == []
    docs.locator("#language-switch").click()
    expect(docs.locator("#ocr")).to_contain_text("Lines with a lower confidence are left out.")
    chinese = described.evaluate_all("all => all.filter(each => each.lang !== 'en').length")
    assert chinese == 0


def test_no_translation_is_of_a_text_that_is_gone(docs: Page) -> None:
    """Those with {} are of several kinds of settings and of several versions of Python."""
    english = docs.evaluate(
        """async () => {
          const script = document.querySelector('script[type=module]').src;
          const found = [];
          for (const name of ['zh_operations', 'zh_fields', 'zh_answers']) {
            const { default: texts } = await import(script.replace('page.js', `${name}.js`));
            found.push(...Object.keys(texts));
          }
          return found;
        }"""
    )
    assert len(english) == len(set(english)) > 200
    known = described_texts(DESCRIPTION)
    without_key = "Each request needs a key."
    assert {text for text in english if "{}" not in text} - known - {without_key} == set()


def described_texts(node: Any) -> set[str]:
    """All descriptions, summaries and titles, and each line of those with several."""
    found: set[str] = set()
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("description", "summary", "title") and isinstance(value, str):
                lines = value.splitlines()
                found |= {value, *lines, *(line.partition("`: ")[2] for line in lines)}
            elif key not in ("example", "examples"):
                found |= described_texts(value)
    elif isinstance(node, list):
        found = found.union(*(described_texts(each) for each in node))
    return found


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_no_violations(docs: Page, tmp_path: Path, scheme: Any, width: int) -> None:
    docs.emulate_media(color_scheme=scheme)
    docs.set_viewport_size({"width": width, "height": 844})
    image = tmp_path / "image.png"
    image.write_bytes(card("checked by axe"))
    details = opened(docs, "ocr")
    opened(docs, "getJob")
    details.get_by_label("Image", exact=True).set_input_files(image)
    sent(docs, details)
    docs.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    expect(docs.locator("#static .try")).to_be_visible()
    found = Axe().run(docs).response["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]
    overflow = docs.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


def test_a_description_that_cannot_be_loaded(docs: Page) -> None:
    docs.route("**/openapi.json", lambda route: route.fulfill(status=404, body=""))
    docs.reload()
    expect(docs.get_by_text("Cannot load the API description")).to_be_visible()
    docs.unroute("**/openapi.json")
    docs.get_by_role("button", name="Try again").click()
    expect(docs.locator("#schemas")).to_be_visible()
