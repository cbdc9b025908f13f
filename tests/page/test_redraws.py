"""What is not drawn again: rows and layers whose answer is the same, a slider that is dragged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.page.conftest import Visit
from tests.page.scripted import rows, scene
from tests.page.test_reading import open_reading
from tests.page.test_viewer import corners

DRAWN = ("#lines li", "#sheet-holes > *", "#sheet-halos > *", "polygon.box", ".text-line")
MARK = "(all) => all.forEach((each) => { each.isOld = true })"
MARKED = "(all) => all.every((each) => each.isOld)"
COUNT_CHANGES = """() => {
    window.changed = new Set();
    const note = (records) => records.forEach((each) => window.changed.add(each.target));
    window.observer = new MutationObserver(note);
    for (const id of ["lines", "sheet-halos", "sheet-boxes", "sheet-text"]) {
        window.observer.observe(document.getElementById(id), { attributes: true, subtree: true });
    }
}"""
CHANGED = "() => new Promise((resolve) => setTimeout(() => resolve(window.changed.size)))"


@pytest.fixture
def held(here: Visit) -> Iterator[list[Route]]:
    """An image of ten lines is shown; the next uploads are held back."""
    here.read(scene(rows(*"0123456789"), height=600))
    routes: list[Route] = []
    here.page.route("**/ocr?*", lambda route: routes.append(route))
    yield routes
    here.page.unroute("**/ocr?*")


def test_a_change_of_state_leaves_lines_and_layers_alone(here: Visit, held: list[Route]) -> None:
    page = here.page
    for each in DRAWN:
        page.locator(each).evaluate_all(MARK)
    page.locator("#lines li").nth(3).click()
    with page.expect_request("**/ocr?*"):
        page.get_by_role("button", name="Recognize again").click()
    expect(page.locator("#result-busy")).to_be_visible()
    for each in DRAWN:
        assert page.locator(each).evaluate_all(MARKED), each
    expect(page.locator("#lines li").nth(3)).to_have_class("line high active")
    held[0].continue_()
    expect(page.locator("#result-busy")).to_be_hidden()
    for each in DRAWN:
        assert not page.locator(each).evaluate_all(MARKED), each


def test_hovering_changes_two_lines_only(here: Visit, held: list[Route]) -> None:
    page = here.page
    page.locator("#lines li").nth(2).hover()
    page.evaluate(COUNT_CHANGES)
    page.locator("#lines li").nth(3).hover()
    expect(page.locator("#lines li").nth(3)).to_have_class("line high hovered")
    assert page.evaluate(CHANGED) == 8  # two lines in the list and in three layers


def test_a_slider_that_is_dragged_keeps_its_place(here: Visit, held: list[Route]) -> None:
    page = here.page
    open_reading(page)
    with page.expect_request("**/ocr?*"):
        page.get_by_role("button", name="Recognize again").click()
    left, top, right, bottom = corners(page.locator("#box-threshold"))
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    page.mouse.down()
    page.mouse.move(left + (right - left) / 5, (top + bottom) / 2, steps=3)
    dragged = page.locator("#box-threshold").input_value()
    assert float(dragged) < 0.4
    held[0].continue_()
    expect(page.locator("#result-busy")).to_be_hidden()
    expect(page.locator("#box-threshold")).to_have_value(dragged)
    expect(page.locator("#box-threshold-value")).to_have_text(dragged)
    page.mouse.move(left + (right - left) / 2, (top + bottom) / 2 + 200)
    page.mouse.up()
