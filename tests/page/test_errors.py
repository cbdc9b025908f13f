"""Every error has a message of its own in both languages, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from server.http.errors import STATUS
from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.page.test_static_files import strings

CODES = {error.code: status for error, status in STATUS.items()}  # type: ignore[attr-defined]
CODES |= {"rate_limited": 429, "quota_exceeded": 429, "unauthorized": 401, "forbidden": 403}


def fail_with(page: Page, code: str, status: int) -> None:
    """The next image gets this answer."""
    problem = {"code": code, "message": f"in detail: {code}", "request_id": "the-id"}
    body = json.dumps({"status": "error", "error": problem})
    page.route(
        "**/ocr",
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


def test_a_broken_image_by_the_real_server(here: Visit) -> None:
    here.failed_loads_expected = True
    here.add(payload("words.png", b"these are no pixels"))
    expect(here.page.locator("#failure-text")).to_contain_text("no image that the server can read")
    expect(here.page.locator("#failure-detail")).to_contain_text("unsupported_format")
    expect(here.page.locator("#sheet-note")).to_have_text("This browser cannot show this file.")


def test_no_connection(here: Visit) -> None:
    here.failed_loads_expected = True
    here.page.route("**/ocr", lambda route: route.abort("connectionrefused"), times=1)
    here.add(payload("page.png", scene(rows("later"))))
    expect(here.page.locator("#failure-text")).to_contain_text("The server cannot be reached")
    here.page.get_by_role("button", name="Try again", exact=True).click()
    expect(here.page.locator("#lines li .line-text")).to_have_text(["later"])


@pytest.mark.parametrize(
    ("status", "message"), [(200, "not the server's"), (502, "not the server's"), (413, "larger")]
)
def test_an_answer_of_somebody_else(here: Visit, status: int, message: str) -> None:
    here.failed_loads_expected = True

    def interfere(route: Route) -> None:
        route.fulfill(status=status, content_type="text/html", body="<h1>A proxy</h1>")

    here.page.route("**/ocr", interfere, times=1)
    here.add(payload("page.png", scene(rows("lost"))))
    expect(here.page.locator("#failure-text")).to_contain_text(message)
