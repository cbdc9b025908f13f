"""On phones, image and text are tabs; long names keep their end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.page.test_look import NARROW, violations
from tests.page.test_viewer import corners

LONG = "scan of the contract with the very long name, signed 2026-11-30.png"


@pytest.fixture
def phone(visit: Callable[..., Visit]) -> Page:
    """A phone with a read image."""
    here = visit(**NARROW)
    here.read(scene(rows("first", "second")))
    return here.page


def test_image_and_result_are_tabs(phone: Page) -> None:
    tabs = {name: phone.get_by_role("tab", name=name) for name in ("Image", "Result")}
    expect(tabs["Result"]).to_have_attribute("aria-selected", "true")
    expect(phone.locator("#lines")).to_be_visible()
    expect(phone.locator("#viewport")).to_be_hidden()
    tabs["Image"].click()
    expect(phone.get_by_role("tabpanel", name="Image")).to_be_visible()
    expect(phone.locator("#lines")).to_be_hidden()
    left, top, right, bottom = corners(phone.locator("#viewport"))
    box = corners(phone.locator("polygon.box").first)
    assert left <= box[0] < box[2] <= right
    assert top <= box[1] < box[3] <= bottom


def test_tabs_by_keyboard(phone: Page) -> None:
    phone.get_by_role("tab", name="Result").focus()
    phone.keyboard.press("ArrowLeft")
    expect(phone.get_by_role("tab", name="Image")).to_be_focused()
    expect(phone.locator("#viewport")).to_be_visible()
    phone.keyboard.press("End")
    expect(phone.locator("#lines")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_either_tab(visit: Callable[..., Visit], theme: str) -> None:
    here = visit(color_scheme=theme, **NARROW)
    here.read(scene(rows("first", "second")))
    for name in ("Image", "Result", "Text", "Markdown"):
        here.page.get_by_role("tab", name=name).click()
        assert violations(here.page) == []


def test_a_wide_window_shows_both_without_tabs(here: Visit) -> None:
    here.read(scene(rows("first")))
    expect(here.page.locator("#phone-tabs")).to_be_hidden()
    expect(here.page.locator("#viewport")).to_be_visible()
    expect(here.page.locator("#lines")).to_be_visible()
    expect(here.page.get_by_role("tabpanel")).to_have_count(1)  # that of the chosen view


@pytest.mark.parametrize("width", [390, 900, 1280])
def test_a_long_name_keeps_its_end(here: Visit, width: int) -> None:
    page = here.page
    page.set_viewport_size({"width": width, "height": 800})
    here.add(payload(LONG, scene(rows("text"))))
    page.locator(".tray-row.done").wait_for()
    for place in (".tray-name", "#result-name"):
        name = page.locator(place)
        expect(name).to_have_attribute("title", LONG)
        expect(name).to_have_text(LONG)
        _, _, right, _ = corners(name)
        left, _, end, _ = corners(name.locator(".name-end"))
        assert left < end <= right + 1
        assert name.locator(".name-end").inner_text() == "-11-30.png"
    expect(page.get_by_role("button", name=LONG).first).to_be_visible()


def test_a_touch_screen_is_not_asked_to_drop_or_paste(visit: Callable[..., Visit]) -> None:
    page = visit(**NARROW, is_mobile=True, has_touch=True).page
    expect(page.locator("#start-title")).to_have_text("Choose images or PDFs to read")
    expect(page.locator("#start-hint")).to_be_hidden()
    page.locator("#language-switch").click()
    expect(page.locator("#start-title")).to_have_text("选择要识别的图片或 PDF")
