"""Languages, themes, widths and accessibility of the pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import ScriptedLine, rectangle, rows, scene

CHINESE = {"locale": "zh-CN"}
NARROW = {"viewport": {"width": 390, "height": 844}}
TABLET = {"viewport": {"width": 820, "height": 1100}}
EVERY_WIDTH = pytest.mark.parametrize(
    "size", [{}, TABLET, NARROW], ids=["wide", "tablet", "narrow"]
)
MIXED = [
    ScriptedLine("high confidence", 0.99, rectangle(20, 40, 300, 30)),
    ScriptedLine("medium confidence", 0.85, rectangle(20, 90, 300, 30)),
    ScriptedLine("low confidence", 0.55, rectangle(20, 140, 300, 30)),
]


def violations(page: Page) -> list[str]:
    """The serious and critical violations that axe-core reports."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def background(page: Page) -> str:
    """The background colour of the page."""
    colour: str = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return colour


def test_the_language_is_the_browsers_and_can_be_switched(visit: Callable[..., Visit]) -> None:
    here = visit(**CHINESE)
    page = here.page
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#start h2")).to_have_text("将图片或 PDF 拖放到此处")
    here.read(scene(rows("一行", confidence=0.5)))
    expect(page.locator(".tray-state")).to_have_text("1 行")
    expect(page.locator(".review")).to_have_text("待核对")
    page.locator("#language-switch").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".tray-state")).to_have_text("1 line")
    expect(page.locator(".review")).to_have_text("Review")
    expect(page.locator("#copy-all")).to_have_text("Copy all")
    page.reload()
    expect(page.locator("#start h2")).to_have_text("Drop images or PDFs here")
    page.goto(page.url + "status")
    expect(page.locator("#state-badge")).to_have_text("Ready")


def test_the_page_works_without_storage(visit: Callable[..., Visit]) -> None:
    page = visit(own=True).page
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('off'); } })"
    )
    page.reload()
    page.locator("#language-switch").click()
    expect(page.locator("#start h2")).to_have_text("将图片或 PDF 拖放到此处")
    page.locator("#theme-switch").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_theme_is_the_systems_and_can_be_switched(visit: Callable[..., Visit]) -> None:
    page = visit(own=True, color_scheme="dark").page
    dark = background(page)
    page.get_by_role("button", name="Switch to light theme").click()
    light = background(page)
    assert light != dark
    page.reload()
    assert background(page) == light
    page.get_by_role("button", name="Switch to dark theme").click()
    assert background(page) == dark
    page.emulate_media(color_scheme="light")
    assert background(page) == dark, "the chosen theme stays"


@pytest.mark.parametrize("theme", ["light", "dark"])
@EVERY_WIDTH
def test_axe_finds_no_serious_violations_on_the_page(
    visit: Callable[..., Visit], theme: str, size: dict[str, object]
) -> None:
    here = visit(color_scheme=theme, **size)
    here.failed_loads_expected = True
    assert violations(here.page) == []
    here.read(scene(MIXED), scene(rows("another")))
    here.page.locator("#lines li").nth(1).click()
    assert violations(here.page) == []
    here.page.locator("#lines li .line-text").first.dblclick()
    here.page.keyboard.type("edited")
    here.page.keyboard.press("Enter")
    here.page.locator("#reading summary").click()
    here.page.locator("#lines li .line-text").nth(1).dblclick()
    here.page.locator("#more-exports").evaluate("menu => { menu.open = true }")
    expect(here.page.locator("#exports-unedited")).to_be_visible()
    assert violations(here.page) == []
    here.add(payload("broken.png", b"not an image"))
    expect(here.page.locator("#failure-text")).to_be_visible()
    here.page.locator("#failed-only").click()
    assert violations(here.page) == []
    here.page.locator("#clear-all").click()
    expect(here.page.locator("#restore")).to_be_focused()
    assert violations(here.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@EVERY_WIDTH
def test_axe_finds_no_serious_violations_on_the_status_page(
    visit: Callable[..., Visit], theme: str, size: dict[str, object]
) -> None:
    page = visit("/status", color_scheme=theme, **size).page
    expect(page.locator("#workers tr")).to_have_count(2)
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/", "/status"])
def test_no_horizontal_overflow(visit: Callable[..., Visit], path: str) -> None:
    here = visit(path, **CHINESE)
    if path == "/":
        here.read(scene(MIXED), scene(rows("another")))
    else:
        expect(here.page.locator("#workers tr")).to_have_count(2)
    for width in (320, 390, 800, 1920):
        here.page.set_viewport_size({"width": width, "height": 700})
        wide = here.page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, width


def test_a_phone_shows_the_whole_table_of_workers(visit: Callable[..., Visit]) -> None:
    page = visit("/status", **NARROW).page
    expect(page.locator("#workers tr")).to_have_count(2)
    hidden = page.locator("#own-workers .scroll").evaluate(
        "each => each.scrollWidth - each.clientWidth"
    )
    assert hidden <= 0


def test_every_control_is_reached_by_tab(here: Visit) -> None:
    """Tab from the top reaches every control with a visible focus outline."""
    page = here.page
    here.read(scene(MIXED), scene(rows("another")))
    page.locator("body").press("Home")
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => [document.activeElement.id || document.activeElement.className,
                getComputedStyle(document.activeElement).outlineStyle]"""
        )
        if name in reached and name != "quiet small" and name != "pick":
            break
        if name:
            assert outline != "none", name
            reached.append(name)
    for control in ("language-switch", "theme-switch", "choose-more", "pick", "viewport",
                    "zoom-in", "boxes-switch", "copy-all", "export-csv", "recognize-again",
                    "minimum-confidence", "line high"):  # fmt: skip
        assert any(name.startswith(control) for name in reached), control
