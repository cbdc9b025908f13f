"""Searching a document: hits by page, marks, going from one to the next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit
from tests.page.scripted import ScriptedLine, rectangle, rows, scene
from tests.page.scripted_documents import scripted_pdf
from tests.page.test_documents import pdf_payload, shown_page
from tests.page.test_edit import edit
from tests.page.test_look import CHINESE, EVERY_WIDTH, violations

TEXTS = [
    ("Apple pie", "no fruit"),
    ("nothing here",),
    ("an apple, an APPLE", "more"),
    ("苹果和梨",),
]


def open_document(here: Visit) -> None:
    """Add the document, and wait until it is read."""
    made = [scene(rows(*lines), width=600, height=300) for lines in TEXTS]
    here.add(pdf_payload(scripted_pdf(made)))
    expect(here.page.locator(".tray-row.done")).to_have_count(1)


def marked(page: Page, name: str) -> list[str]:
    """The marked texts on the image."""
    found: list[str] = page.evaluate(
        """name => [...CSS.highlights.get(name) ?? []]
            .filter(({ startContainer }) => startContainer.parentElement.closest("#sheet-text"))
            .map(({ startContainer, startOffset, endOffset }) =>
                startContainer.data.slice(startOffset, endOffset))""",
        name,
    )
    return found


def test_hits_are_counted_by_page_and_marked(here: Visit) -> None:
    page = here.page
    open_document(here)
    page.locator("#search").fill("apple")
    expect(page.locator("#search-count")).to_have_text("3 hits on 2 pages")
    counts = page.locator("#page-list .page-hits:visible")
    expect(counts).to_have_text(["1", "2"])
    assert marked(page, "found") == ["Apple"]
    page.locator("#search").press("Enter")
    assert (shown_page(page), marked(page, "found-active")) == (1, ["Apple"])
    page.locator("#search").press("Enter")
    assert (shown_page(page), marked(page, "found-active")) == (3, ["apple"])
    assert marked(page, "found") == ["APPLE"]
    page.get_by_role("button", name="Next hit").click()
    assert marked(page, "found-active") == ["APPLE"]
    page.get_by_role("button", name="Next hit").click()
    assert shown_page(page) == 1, "around the end"
    page.locator("#search").press("Shift+Enter")
    assert (shown_page(page), marked(page, "found-active")) == (3, ["APPLE"])
    page.locator("#search").press("Escape")
    expect(page.locator("#search-count")).to_have_text("")
    assert marked(page, "found") == []


def test_edits_and_hidden_lines_are_respected(here: Visit) -> None:
    page = here.page
    lines = [ScriptedLine("doubtful pear", 0.55, rectangle(20, 40, 300, 30))]
    here.add(pdf_payload(scripted_pdf([scene(lines, width=600), scene(rows("a pear"), width=600)])))
    expect(page.locator(".tray-row.done")).to_have_count(1)
    page.locator("#search").fill("pear")
    expect(page.locator("#search-count")).to_have_text("2 hits on 2 pages")
    page.locator("#minimum-confidence").fill("80")
    expect(page.locator("#search-count")).to_have_text("1 hit on 1 page")
    page.locator("#page-after").click()
    edit(page, 0, "a plum")
    expect(page.locator("#search-count")).to_have_text("Not found")


def test_chinese_and_full_width_letters(visit: Callable[..., Visit]) -> None:
    here = visit(**CHINESE)
    open_document(here)
    for query, count in {"苹果": "1 处，分布在 1 页", "ＡＰＰＬＥ": "3 处，分布在 2 页"}.items():
        here.page.locator("#search").fill(query)
        expect(here.page.locator("#search-count")).to_have_text(count)


@pytest.mark.parametrize("theme", ["light", "dark"])
@EVERY_WIDTH
def test_axe_finds_no_serious_violations_with_a_document(
    visit: Callable[..., Visit], theme: str, size: dict[str, object]
) -> None:
    here = visit(color_scheme=theme, **size)
    open_document(here)
    page = here.page
    if page.locator("#phone-tabs").is_visible():
        page.get_by_role("tab", name="Image").click()
    page.locator("#search").fill("apple")
    expect(page.locator("#search-count")).to_have_text("3 hits on 2 pages")
    page.locator("#document-exports").evaluate("menu => { menu.open = true }")
    assert violations(page) == []
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
