"""Nothing is lost by accident: clearing is undone, leaving with unsaved text warns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.page.test_edit import edit
from tests.page.test_result import saved, texts

DOWNLOADS = ("#export-txt", "[data-format=alto]")


def warnings_on_reload(page: Page) -> list[str]:
    """The dialogs that a reload opens; it is allowed."""
    opened: list[str] = []

    def allow(dialog: Dialog) -> None:
        opened.append(dialog.type)
        dialog.accept()

    page.on("dialog", allow)
    page.reload()
    page.remove_listener("dialog", allow)
    return opened


def test_clearing_is_undone(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("one")), scene(rows("two")))
    edit(page, 0, "one, edited")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#cleared")).to_contain_text("2 images cleared.")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".tray-row.done")).to_have_count(2)
    assert texts(page) == ["one, edited"]
    expect(page.locator(".thumbnail[style*=blob]")).to_have_count(2)
    assert [url for url in sent if "/ocr?" in url] == []


def test_after_other_images_are_added_cleared_ones_are_gone(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("one")))
    page.get_by_role("button", name="Clear").click()
    here.read(scene(rows("two")), name="new")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#cleared")).to_contain_text("1 image cleared.")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".tray-name")).to_have_text(["new-1.png"])


@pytest.mark.parametrize("save", [*DOWNLOADS, "#copy-all", "#clear-all", ""])
def test_leaving_warns_of_unsaved_text(visit: Callable[..., Visit], save: str) -> None:
    here = visit(own=True)
    page = here.page
    here.read(scene(rows("precious")))
    page.locator("#lines li").first.click()  # browsers warn only after the user did something
    if save == DOWNLOADS[1]:
        page.locator("#more-exports summary").click()
    if save in DOWNLOADS:
        saved(page, save)
    elif save:
        page.locator(save).click()
        after = "#notice:text-is('Copied')" if save == "#copy-all" else "#restore"
        expect(page.locator(after)).to_be_visible()
    assert warnings_on_reload(page) == ([] if save else ["beforeunload"])


def test_text_edited_after_a_download_is_unsaved(visit: Callable[..., Visit]) -> None:
    here = visit(own=True)
    here.read(scene(rows("precious")))
    saved(here.page, "#export-txt")
    edit(here.page, 0, "more precious")
    assert warnings_on_reload(here.page) == ["beforeunload"]


def test_leaving_without_text_does_not_warn(visit: Callable[..., Visit]) -> None:
    here = visit(own=True)
    here.failed_loads_expected = True
    here.read(scene([]))
    here.add(payload("words.png", b"no image"))
    expect(here.page.locator("#failure-text")).to_be_visible()
    here.page.locator("#result-name").click()
    assert warnings_on_reload(here.page) == []
