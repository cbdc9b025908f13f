"""Error codes have texts in both languages; a code without one shows the server's message."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from server.http.errors import STATUS
from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.page.test_static_files import strings

TEXTS = {key.removeprefix("error_") for key in strings("en") if key.startswith("error_")}
CODES = {error.code: status for error, status in STATUS.items() if error.code in TEXTS}
KEY_CODES = {code: status for code, status in CODES.items() if status == 401}  # open a dialog


def fail_with(page: Page, code: str, status: int) -> None:
    """Answer the next upload with this error."""
    problem = {"code": code, "message": f"in detail: {code}", "request_id": "the-id"}
    body = json.dumps({"status": "error", "error": problem})
    page.route(
        "**/ocr?*",
        lambda route: route.fulfill(status=status, content_type="application/json", body=body),
        times=1,
    )


@pytest.mark.parametrize(("language", "dictionary"), [("en-GB", "en"), ("zh-CN", "zh")])
def test_every_code_is_shown(visit: Callable[..., Visit], language: str, dictionary: str) -> None:
    here = visit(locale=language)
    here.failed_loads_expected = True
    shown = {}
    for code, status in CODES.items():
        fail_with(here.page, code, status)
        here.add(payload(f"{code}.png", scene(rows(code))))
        if code in KEY_CODES:
            expect(here.page.locator("#key-dialog")).to_be_visible()
            here.page.keyboard.press("Escape")
        expect(here.page.locator("#result-name")).to_have_text(f"{code}.png")
        detail = here.page.locator("#failure-detail")
        expect(detail).to_contain_text(f"{code} · in detail: {code}")
        expect(detail).to_contain_text("the-id")
        shown[code] = here.page.locator("#failure-text").inner_text()
    known = strings(dictionary)
    for code, message in shown.items():
        beginning = known[f"error_{code}"].strip('"').partition("{")[0]
        assert message.startswith(beginning), code
    assert len(set(shown.values())) == len(shown)


def test_a_code_without_a_text_shows_the_message_of_the_server(here: Visit) -> None:
    here.failed_loads_expected = True
    fail_with(here.page, "only_the_server_knows", 418)
    here.add(payload("new.png", scene(rows("new"))))
    expect(here.page.locator("#failure-text")).to_have_text("in detail: only_the_server_knows")


def test_an_unsupported_file_on_the_real_server(here: Visit) -> None:
    here.failed_loads_expected = True
    here.add(payload("words.png", b"these are no pixels"))
    expect(here.page.locator("#failure-text")).to_contain_text("is not supported")
    expect(here.page.locator("#failure-detail")).to_contain_text("unsupported_format")
    expect(here.page.locator("#sheet-note")).to_have_text("This browser cannot display the file.")


def test_no_connection(here: Visit) -> None:
    here.failed_loads_expected = True
    here.page.route("**/ocr?*", lambda route: route.abort("connectionrefused"), times=1)
    here.add(payload("page.png", scene(rows("later"))))
    expect(here.page.locator("#failure-text")).to_contain_text("Cannot reach the server")
    here.page.get_by_role("button", name="Try again", exact=True).click()
    expect(here.page.locator("#lines li .line-text")).to_have_text(["later"])


@pytest.mark.parametrize(
    ("status", "message"), [(200, "did not come from"), (502, "did not come from"), (413, "larger")]
)
def test_a_response_from_a_proxy(here: Visit, status: int, message: str) -> None:
    here.failed_loads_expected = True

    def answer_as_proxy(route: Route) -> None:
        route.fulfill(status=status, content_type="text/html", body="<h1>A proxy</h1>")

    here.page.route("**/ocr?*", answer_as_proxy, times=1)
    here.add(payload("page.png", scene(rows("lost"))))
    expect(here.page.locator("#failure-text")).to_contain_text(message)
