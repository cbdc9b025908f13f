"""Failed images in the list: counted apart, filtered, and tried again where that can help."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.page.conftest import MAX_BYTES, Visit, payload
from tests.page.scripted import rows, scene


def with_failures(here: Visit) -> Page:
    """One image is read; one failed for want of a connection; three can never be read."""
    here.failed_loads_expected = True
    page = here.page
    page.route("**/ocr?*", lambda route: route.abort("connectionrefused"), times=1)
    here.add(payload("offline.png", scene(rows("in the end"))))
    expect(page.locator(".tray-row.failed")).to_have_count(1)
    here.add(
        payload("words.txt", b"just words"),
        payload("cut.png", scene(rows("cut"))[:200]),
        payload("huge.png", b"\0" * (MAX_BYTES + 1)),
        payload("good.png", scene(rows("good"))),
    )
    expect(page.locator(".tray-row.done")).to_have_count(1)
    expect(page.locator(".tray-row.failed")).to_have_count(4)
    return page


def test_failures_are_counted_apart(here: Visit) -> None:
    page = with_failures(here)
    expect(page.locator("#progress-text")).to_have_text("1 read, 4 failed")


def test_the_list_says_why_an_image_failed(here: Visit) -> None:
    page = with_failures(here)
    reasons = page.locator(".tray-row.failed .tray-state")
    expect(reasons).to_have_text(["No connection", "Unknown format", "Damaged", "Too large"])


def test_the_list_can_show_only_failures(here: Visit) -> None:
    page = with_failures(here)
    only = page.get_by_role("button", name="Failed (4)")
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true")
    names = page.locator(".tray-row:visible .tray-name")
    expect(names).to_have_text(["offline.png", "words.txt", "cut.png", "huge.png"])
    names.last.click()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="huge.png").first).to_be_focused()
    only.click()
    expect(page.locator(".tray-row:visible")).to_have_count(5)


def test_only_those_that_can_work_are_tried_again(here: Visit) -> None:
    page = with_failures(here)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_role("button", name="Try 1 again").click()
    expect(page.locator("#progress-text")).to_have_text("2 read, 3 failed")
    assert len([url for url in sent if "/ocr?" in url]) == 1
    expect(page.locator("#retry-failed")).to_be_hidden()
    expect(page.locator(".tray-row .retry:visible")).to_have_count(0)


def test_a_file_that_can_never_be_read_offers_no_other_try(here: Visit) -> None:
    page = with_failures(here)
    again = page.get_by_role("button", name="Try again", exact=True)
    for name, offered in [("offline.png", True), ("words.txt", False), ("huge.png", False)]:
        page.get_by_role("button", name=name).first.click()
        expect(page.locator("#failure-text")).to_be_visible()
        expect(again.locator("visible=true")).to_have_count(1 if offered else 0)


def test_the_filter_ends_with_the_last_failure(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    page.route("**/ocr?*", lambda route: route.abort("connectionrefused"), times=1)
    here.add(payload("offline.png", scene(rows("in the end"))))
    expect(page.locator(".tray-row.failed")).to_have_count(1)
    here.read(scene(rows("good")))
    page.get_by_role("button", name="Failed (1)").click()
    expect(page.locator(".tray-row:visible")).to_have_count(1)
    page.get_by_role("button", name="Try 1 again").click()
    expect(page.locator(".tray-row.done:visible")).to_have_count(2)
    expect(page.locator("#progress-text")).to_have_text("2 of 2 finished")
