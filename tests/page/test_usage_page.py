"""The usage page: totals, plot, table, CSV, periods, and a server that does not count."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import Visit
from tests.page.test_look import CHINESE, NARROW, violations
from tests.page.test_static_files import POLICY, linked
from tests.support.live_server import LiveServer

COUNTS = {"images": 100, "pages": 100, "cached": 25, "seconds": 90.5, "bytes": 3 << 20, "errors": 2}
LAST = {"images": 20, "pages": 20, "cached": 0, "seconds": 4.5, "bytes": 1 << 20, "errors": 0}
HTML = {"Accept": "text/html"}


def usage(**changed: Any) -> dict[str, Any]:
    total = {name: COUNTS[name] + LAST[name] for name in COUNTS}
    body = {
        "enabled": True,
        "user": "Xy12Ab34",
        "timezone": "Europe/Berlin",
        "from": "2026-11-01",
        "to": "2026-11-30",
        "days": [{"day": "2026-11-02", **COUNTS}, {"day": "2026-11-30", **LAST}],
        "total": total,
        "left_today": 377,
    }
    return {"status": "success", "usage": {**body, **changed}, "request_id": "x"}


def showing(
    visit: Callable[..., Visit], answer: Callable[[Route], None] | None = None, **options: Any
) -> Visit:
    """The page with the answers of a server that counts."""
    here = visit("/", own=True, **options)
    fulfil = answer or (lambda route: route.fulfill(json=usage()))
    here.page.route("**/usage?*", fulfil)
    here.page.goto(f"http://127.0.0.1:{here.server.port}/usage")
    return here


def test_totals_plot_and_table(visit: Callable[..., Visit]) -> None:
    page = showing(visit).page
    expect(page.locator("#user")).to_have_text("Xy12Ab34 · days in Europe/Berlin")
    expect(page.locator("#totals dd")).to_have_text(["377", "120", "21%", "1.6 min", "4 MB", "2"])
    expect(page.locator("#plot g")).to_have_count(30)
    expect(page.locator("#plot g").nth(1).locator("title")).to_have_text("Nov 2, 2026: 100")
    heights = page.locator("#plot g").nth(1).locator(".bar-part")
    assert [float(bar.get_attribute("height") or 0) for bar in heights.all()] == [
        pytest.approx(3 * 49.5),
        pytest.approx(49.5),
    ]
    expect(page.locator("#plot svg")).to_have_attribute("aria-label", re.compile("120 in total"))
    rows = page.locator("#days tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator("th")).to_have_text("Nov 30, 2026")
    expect(rows.nth(1).locator("td")).to_have_text(["100", "100", "25", "1.5 min", "3 MB", "2"])


def test_the_page_in_chinese(visit: Callable[..., Visit]) -> None:
    page = showing(visit, locale=CHINESE["locale"]).page
    expect(page).to_have_title("OCR · 用量")
    expect(page.locator("#user")).to_have_text("Xy12Ab34 · 按 Europe/Berlin 时区统计")
    expect(page.locator("#totals dd")).to_have_text(["377", "120", "21%", "1.6 分钟", "4 MB", "2"])
    expect(page.locator("#plot g").nth(1).locator("title")).to_have_text("2026年11月2日：100")
    page.locator("#language-switch").click()
    expect(page).to_have_title("OCR · Usage")


def test_another_measure_is_shown(visit: Callable[..., Visit]) -> None:
    page = showing(visit).page
    expect(page.locator("#legend")).to_be_visible()
    page.get_by_role("button", name="Errors").click()
    expect(page.get_by_role("button", name="Errors")).to_be_focused()
    expect(page.get_by_role("button", name="Errors")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#plot g").nth(1).locator("title")).to_have_text("Nov 2, 2026: 2")
    expect(page.locator("#legend")).to_be_hidden()


def test_a_period_is_asked_for_by_the_days_of_the_server(visit: Callable[..., Visit]) -> None:
    asked: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        asked.append(parse_qs(urlsplit(route.request.url).query))
        first = asked[-1].get("from", ["2026-11-01"])[0]
        route.fulfill(json=usage(**{"from": first}))

    page = showing(visit, answer).page
    expect(page.locator("#plot g")).to_have_count(30)
    page.select_option("#period", "7")
    expect(page.locator("#plot g")).to_have_count(7)
    assert asked == [{"format": ["json"]}, {"format": ["json"], "from": ["2026-11-24"]}]


def test_the_table_is_downloaded_as_csv(visit: Callable[..., Visit]) -> None:
    def answer(route: Route) -> None:
        if "format=csv" in route.request.url:
            route.fulfill(body="day,images\r\n", content_type="text/csv")
        else:
            route.fulfill(json=usage())

    page = showing(visit, answer).page
    with page.expect_download() as started:
        page.get_by_role("button", name="Download CSV").click()
    assert started.value.suggested_filename == "usage-2026-11-01-2026-11-30.csv"
    assert Path(started.value.path()).read_bytes() == b"day,images\r\n"


def test_a_server_that_does_not_count_says_so(visit: Callable[..., Visit]) -> None:
    page = visit("/", own=True).page
    with page.expect_response("**/usage?*") as answered:
        page.goto(page.url + "usage")
    assert json.loads(answered.value.body())["usage"]["enabled"] is False
    expect(page.locator("#message")).to_contain_text("does not count usage")
    expect(page.locator("#counts")).to_be_hidden()
    expect(page.locator("#download")).to_be_disabled()


@pytest.mark.parametrize(
    ("status", "text"), [(403, "those who have the key"), (503, "not available now")]
)
def test_without_an_answer_it_says_why(visit: Callable[..., Visit], status: int, text: str) -> None:
    here = visit("/", own=True)
    here.failed_loads_expected = True
    here.page.route("**/usage?*", lambda route: route.fulfill(status=status, json={}))
    here.page.goto(f"http://127.0.0.1:{here.server.port}/usage")
    expect(here.page.locator("#message")).to_contain_text(text)


def test_a_key_is_asked_for_and_sent(visit: Callable[..., Visit]) -> None:
    sent: list[str | None] = []

    def answer(route: Route) -> None:
        sent.append(route.request.headers.get("authorization"))
        if sent[-1] == "Bearer good":
            route.fulfill(json=usage())
        else:
            error = {"code": "key_required", "message": "send a key", "request_id": "x"}
            route.fulfill(status=401, json={"status": "error", "error": error})

    here = visit("/", own=True)
    here.failed_loads_expected = True
    page = here.page
    page.route("**/usage?*", answer)
    page.route("**/results/*", lambda route: route.fulfill(status=404, json={}))  # it is valid
    page.goto(f"http://127.0.0.1:{here.server.port}/usage")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#message")).to_contain_text("those who have the key")
    page.locator("#enter-key").click()
    page.get_by_role("dialog").get_by_label("Key", exact=True).fill("good")
    page.keyboard.press("Enter")
    expect(page.locator("#days tr")).to_have_count(2)
    assert sent[0] is None
    assert sent[-1] == "Bearer good"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_serious_violations(
    visit: Callable[..., Visit], theme: str, size: dict[str, Any]
) -> None:
    page = showing(visit, color_scheme=theme, **size).page
    expect(page.locator("#days tr")).to_have_count(2)
    assert violations(page) == []


def test_no_horizontal_overflow(visit: Callable[..., Visit]) -> None:
    languages: tuple[dict[str, Any], ...] = (CHINESE, {})
    for language in languages:
        page: Page = showing(visit, **language).page
        expect(page.locator("#days tr")).to_have_count(2)
        for width in (320, 390, 800, 1920):
            page.set_viewport_size({"width": width, "height": 700})
            wide = page.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= width, width


def test_headers_and_files_of_the_page(page_server: LiveServer) -> None:
    reply = page_server.get("/usage", HTML)
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Vary"] == "Accept"
    assert set(reply.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert "{{" not in reply.body.decode()
    again = page_server.get("/usage", {**HTML, "If-None-Match": reply.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    files = re.findall(r'(?:src|href)="(static/[^"]+)"', reply.body.decode())
    assert len(files) >= 4
    assert [page_server.get(f"/{file}").status for file in files] == [200] * len(files)
    assert set(linked(page_server, "/status")) & set(files), "the theme is shared"
