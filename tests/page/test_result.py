"""The result on the page: lines, confidence, timings, copy and download."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import Visit
from tests.page.scripted import ScriptedLine, rectangle, rows, scene
from tests.page.test_look import violations
from tests.page.test_viewer import corners

HOSTILE = "<img src=x onerror=\"document.title='changed'\"><script>alert(1)</script>"
MIXED = [
    ScriptedLine("high confidence", 0.99, rectangle(20, 40, 300, 30)),
    ScriptedLine("medium confidence", 0.85, rectangle(20, 90, 300, 30)),
    ScriptedLine("low confidence", 0.55, rectangle(20, 140, 300, 30)),
]
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def texts(page: Page) -> list[str]:
    """The texts of the visible lines."""
    return page.locator("#lines li:visible .line-text").all_inner_texts()


def saved(page: Page, button: str) -> Path:
    """The file that a button downloads."""
    with page.expect_download() as download:
        page.locator(button).click()
    return Path(download.value.path())


def test_recognized_text_is_text(here: Visit) -> None:
    page = here.page
    here.read(scene([ScriptedLine(HOSTILE)]), name=HOSTILE)
    assert texts(page) == [HOSTILE]
    expect(page.locator("#sheet-text .text-line")).to_have_text(HOSTILE)
    assert page.locator("#result-name").inner_text().startswith("<img src=x onerror")
    assert page.locator("main img[src=x], main script").count() == 0
    assert page.title() == "OCR"


def test_confidence_has_a_colour_and_low_confidence_a_mark(here: Visit) -> None:
    page = here.page
    here.read(scene(MIXED))
    expect(page.locator("#lines li")).to_have_class(["line high", "line medium", "line low"])
    colours = page.locator(".confidence").evaluate_all(
        "all => all.map(each => getComputedStyle(each).color)"
    )
    assert len(set(colours)) == 3
    expect(page.locator(".review")).to_have_text(["Review"])
    dashes = page.locator("polygon.box").evaluate_all(
        "all => all.map(each => getComputedStyle(each).strokeDasharray)"
    )
    assert dashes[:2] == ["none", "none"]
    assert dashes[2] != "none"


def test_a_line_that_cannot_be_read_has_a_mark_and_no_text(here: Visit) -> None:
    page = here.page
    unread = ScriptedLine("", 0.2, rectangle(20, 90, 300, 30), "unsupported")
    here.read(scene([MIXED[0], unread]))
    expect(page.locator(".review")).to_have_text(["Not readable"])
    assert texts(page) == ["high confidence", ""]
    expect(page.locator("#advice")).to_contain_text("a script that the models cannot read")
    assert saved(page, "#export-txt").read_text() == "high confidence\n"
    here.read(scene([MIXED[0]]))
    expect(page.locator("#advice")).to_be_hidden()


def test_text_that_is_read_badly_and_cannot_be_seen_asks_for_another_photo(here: Visit) -> None:
    here.read(scene([ScriptedLine("faint", 0.6)]))
    advice = here.page.locator("#advice")
    expect(advice).to_contain_text("little contrast")
    expect(advice).to_contain_text("photo is read better")


def test_the_threshold_filters_list_boxes_and_copies(visit: Callable[..., Visit]) -> None:
    here = visit(**CLIPBOARD)
    page = here.page
    here.read(scene(MIXED))
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.locator("#minimum-confidence").fill("80")
    assert texts(page) == ["high confidence", "medium confidence"]
    expect(page.locator("#line-count")).to_contain_text("2 of 3 lines")
    expect(page.locator("polygon.box:visible")).to_have_count(2)
    expect(page.locator(".text-line:visible")).to_have_count(2)
    page.get_by_role("button", name="Copy all").click()
    expect(page.locator("#notice")).to_have_text("Copied")
    assert (
        page.evaluate("() => navigator.clipboard.readText()")
        == "high confidence\nmedium confidence"
    )
    page.locator("#minimum-confidence").fill("100")
    expect(page.locator("#lines-empty")).to_have_text(
        "All lines are below the minimum confidence. Lower it to see them."
    )
    expect(page.get_by_role("button", name="Copy all")).to_be_disabled()
    assert [url for url in requested if not url.startswith("blob:")] == []


def test_one_line_is_copied(visit: Callable[..., Visit]) -> None:
    here = visit(**CLIPBOARD)
    here.read(scene(MIXED))
    row = here.page.locator("#lines li").nth(1)
    row.hover()
    row.get_by_role("button", name="Copy line").click()
    expect(here.page.locator("#notice")).to_have_text("Copied")
    assert here.page.evaluate("() => navigator.clipboard.readText()") == "medium confidence"


@pytest.mark.parametrize("button", ["#copy-all", "#lines .copy", "#export-csv"])
def test_what_was_done_is_said_at_the_button(visit: Callable[..., Visit], button: str) -> None:
    here = visit(**CLIPBOARD)
    page = here.page
    here.read(scene(MIXED))
    pressed = page.locator(button).first
    page.locator("#lines li").first.hover()
    pressed.click()
    notice = page.locator("#notice.shown")
    expect(notice).to_have_text("Downloaded" if button == "#export-csv" else "Copied")
    left, top, right, bottom = corners(notice)
    button_left, _, button_right, button_bottom = corners(pressed)
    assert left <= (button_left + button_right) / 2 <= right
    assert 0 <= top - button_bottom <= 10
    assert (left >= 0, right <= 1280, bottom <= 800) == (True, True, True)


def test_the_button_that_copied_is_readable(visit: Callable[..., Visit]) -> None:
    here = visit(**CLIPBOARD, reduced_motion="reduce")
    here.read(scene(MIXED))
    here.page.locator("#copy-all").click()
    expect(here.page.locator("#copy-all")).to_have_class("strong succeeded")
    assert violations(here.page) == []


def test_copying_works_without_the_clipboard_api(visit: Callable[..., Visit]) -> None:
    """As on plain http pages."""
    here = visit(own=True)
    page = here.page
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    here.read(scene(rows("copied without the API")))
    page.get_by_role("button", name="Copy all").click()
    expect(page.locator("#notice")).to_have_text("Copied")
    page.evaluate("() => document.body.append(document.createElement('textarea'))")
    page.locator("textarea").focus()
    page.keyboard.press("Control+V")
    assert page.locator("textarea").input_value() == "copied without the API"


def test_download_of_text_and_json(here: Visit) -> None:
    here.read(scene(MIXED), name="receipt")
    here.page.locator("#minimum-confidence").fill("80")
    assert saved(here.page, "#export-txt").read_text() == "high confidence\nmedium confidence\n"
    result = json.loads(saved(here.page, "#export-json").read_text())
    assert result["file"] == "receipt-1.png"
    assert (result["data"]["width"], result["data"]["height"]) == (800, 400)
    assert [line["text"] for line in result["data"]["lines"]] == [
        "high confidence",
        "medium confidence",
    ]
    assert result["data"]["text"] == "high confidence\nmedium confidence"
    assert result["data"]["confidence"] == pytest.approx(0.9156)  # weighted by characters


def test_csv_is_quoted_and_formulas_are_escaped(here: Visit) -> None:
    lines = ['say "hi", you', "=1+1", "+49 30 1234", "-5", "@SUM(A1)", "中文"]
    here.read(scene(rows(*lines), width=1000))
    content = saved(here.page, "#export-csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in table] == [
        'say "hi", you', "'=1+1", "'+49 30 1234", "'-5", "'@SUM(A1)", "中文",
    ]  # fmt: skip
    assert [table[1][name] for name in ("line", "confidence", "x1", "y1")] == [
        "2", "0.98", "40", "90",
    ]  # fmt: skip


def test_all_results_in_one_file(here: Visit) -> None:
    here.read(scene(rows("one")), scene(rows("two")))
    results = json.loads(saved(here.page, "#export-all-json").read_text())
    assert [(each["file"], each["data"]["text"]) for each in results] == [
        ("image-1.png", "one"), ("image-2.png", "two"),
    ]  # fmt: skip
    table = csv.DictReader(io.StringIO(saved(here.page, "#export-all-csv").read_text("utf-8-sig")))
    assert [row["file"] for row in table] == ["image-1.png", "image-2.png"]
    text = saved(here.page, "#export-all-txt").read_text()
    assert text == "# image-1.png\none\n\n# image-2.png\ntwo\n"


def test_cache_outcome_and_time_by_stage(here: Visit) -> None:
    page = here.page
    image = scene(rows("read once"))
    here.read(image)
    badge, legend = page.locator("#timings .badge"), page.locator(".stage-legend")
    expect(badge).to_have_text("New result")
    expect(legend).to_contain_text("Detection 20 ms")
    expect(legend).to_contain_text("Recognition 30 ms")
    shares = page.locator(".stage-bar .stage").evaluate_all(
        "all => all.map(each => [each.className, each.getBoundingClientRect().width])"
    )
    widths = dict(shares)
    assert widths["stage rec"] > widths["stage det"] > widths["stage cls"] > 0
    here.read(image, name="again")
    expect(badge).to_have_text("From cache")
    expect(page.locator(".tray-state").nth(1)).to_have_text("1 line · cached")
    with page.expect_request("**/ocr?*") as request:
        page.get_by_role("button", name="Recognize again").click()
    assert request.value.headers["cache-control"] == "no-cache"
    expect(badge).to_have_text("New result")


@pytest.mark.parametrize(
    ("locale", "age", "words"),
    [
        ("en-GB", 45, "cached 45 sec ago"),
        ("en-GB", 272, "cached 4 min ago"),
        ("en-GB", 3600, "cached 1 hr ago"),
        ("en-GB", 4000, "cached 1 hr 6 min ago"),
        ("zh-CN", 272, "4 分钟前缓存"),
    ],
)
def test_the_age_of_a_cached_answer(
    visit: Callable[..., Visit], locale: str, age: int, words: str
) -> None:
    here = visit(locale=locale)

    def answer_with_age(route: Route) -> None:
        answer = route.fetch()
        headers = {**answer.headers, "x-cache": "hit", "age": str(age)}
        route.fulfill(response=answer, headers=headers)

    here.page.route("**/ocr?*", answer_with_age, times=1)
    here.read(scene(rows(f"read {age} s ago")))
    expect(here.page.locator("#timings .outcome")).to_contain_text(words)


def test_an_image_without_text(here: Visit) -> None:
    here.read(scene([]))
    expect(here.page.locator("#lines-empty")).to_have_text("No text was found in this image.")
