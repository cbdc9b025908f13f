"""Editing recognized text: what is kept, copied, downloaded and undone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit
from tests.page.scripted import rows, scene
from tests.page.test_result import CLIPBOARD, saved, texts

LINES = ("first line", "2nd line", "third line")


@pytest.fixture
def page(here: Visit) -> Page:
    """The page with an image of three lines."""
    here.read(scene(rows(*LINES)))
    return here.page


def edit(page: Page, line: int, text: str, end: str = "Enter") -> None:
    """Change a line with a double click; end: the key that ends it."""
    page.locator("#lines li .line-text").nth(line).dblclick()
    field = page.get_by_role("textbox", name="Text of the line")
    expect(field).to_be_focused()
    field.fill(text)
    page.keyboard.press(end)
    expect(field).to_have_count(0)


def test_an_edited_line_is_shown_copied_and_downloaded(visit: Callable[..., Visit]) -> None:
    here = visit(**CLIPBOARD)
    page = here.page
    here.read(scene(rows(*LINES)))
    edit(page, 1, "second line")
    assert texts(page) == ["first line", "second line", "third line"]
    expect(page.locator("#lines li").nth(1)).to_be_focused()
    expect(page.locator(".edited")).to_have_text("Edited")
    expect(page.locator(".text-line").nth(1)).to_have_text("second line")
    page.locator("#copy-all").click()
    expect(page.locator("#notice")).to_have_text("Copied")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == "first line\nsecond line\nthird line"
    assert saved(page, "#export-txt").read_text() == f"{copied}\n"
    data = json.loads(saved(page, "#export-json").read_text())["data"]
    assert data["text"] == copied
    assert sorted(data["lines"][1]) == ["box", "confidence", "text"]
    assert "second line" in saved(page, "#export-csv").read_text("utf-8-sig")


def test_edits_survive_another_image(page: Page, here: Visit) -> None:
    edit(page, 0, "changed")
    here.read(scene(rows("another")), name="other")
    assert texts(page) == ["another"]
    page.get_by_role("button", name="image-1.png").first.click()
    assert texts(page) == ["changed", *LINES[1:]]
    page.get_by_role("button", name="Undo", exact=True).click()
    assert texts(page) == list(LINES)


def test_a_change_is_kept_when_another_image_is_clicked(page: Page, here: Visit) -> None:
    here.read(scene(rows("another")), name="other")
    page.get_by_role("button", name="image-1.png").first.click()
    page.locator("#lines li .line-text").first.dblclick()
    page.get_by_role("textbox", name="Text of the line").fill("half done")
    page.get_by_role("button", name="other-1.png").first.click()
    assert texts(page) == ["another"]
    page.get_by_role("button", name="image-1.png").first.click()
    assert texts(page) == ["half done", *LINES[1:]]


def test_changes_are_undone_one_by_one(page: Page) -> None:
    undo = page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_hidden()
    edit(page, 0, "one")
    edit(page, 2, "three")
    undo.click()
    assert texts(page) == ["one", *LINES[1:]]
    page.locator("#lines li").nth(2).focus()
    page.keyboard.press("Control+z")
    assert texts(page) == list(LINES)
    expect(page.locator("#lines li").nth(2)).to_be_focused()
    expect(undo).to_be_hidden()
    expect(page.locator(".edited")).to_have_count(0)


def test_escape_drops_the_change(page: Page) -> None:
    edit(page, 1, "never mind", end="Escape")
    assert texts(page) == list(LINES)
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_hidden()


def test_editing_by_keyboard(page: Page) -> None:
    page.locator("#lines li").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("F2")
    page.keyboard.press("End")
    page.keyboard.type("!")
    page.keyboard.press("Enter")
    assert texts(page) == [LINES[0], f"{LINES[1]}!", LINES[2]]
    page.keyboard.press("ArrowDown")
    expect(page.locator("#lines li").nth(2)).to_be_focused()


def test_an_emptied_line_is_left_out(page: Page) -> None:
    edit(page, 1, "")
    expect(page.locator(".edited")).to_have_text("Left out")
    expect(page.locator("#line-count")).to_contain_text("2 of 3 lines")
    assert saved(page, "#export-txt").read_text() == f"{LINES[0]}\n{LINES[2]}\n"


def test_text_typed_by_the_user_is_text(page: Page) -> None:
    hostile = "<img src=x onerror=\"document.title='changed'\">"
    edit(page, 0, hostile)
    assert texts(page)[0] == hostile
    assert page.locator("main img[src=x]").count() == 0


def test_reading_again_replaces_edits_and_can_be_undone(page: Page) -> None:
    edit(page, 0, "by hand")
    with page.expect_response("**/ocr?*"):
        page.get_by_role("button", name="Rotate").click()
    expect(page.locator("#lines li .line-text").first).to_have_text(LINES[0])
    page.get_by_role("button", name="Undo", exact=True).click()
    assert texts(page) == ["by hand", *LINES[1:]]
    expect(page.locator("#sheet")).to_have_attribute("data-turn", "0")
