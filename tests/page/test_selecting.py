"""Selecting text on the image with the mouse: a column stays a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit
from tests.page.scripted import ScriptedLine, rectangle, scene
from tests.page.test_result import CLIPBOARD
from tests.page.test_viewer import corners

LEFT = [f"left {number} of the lines" for number in range(6)]
RIGHT = [f"right {number} of the lines" for number in range(9)]
# Two columns of different lengths; the last line of the left one is short.
PAGE = [
    *(
        ScriptedLine(text, 0.98, rectangle(60, 60 + 50 * row, 200 if row == 5 else 600, 30))
        for row, text in enumerate(LEFT)
    ),
    *(
        ScriptedLine(text, 0.98, rectangle(760, 60 + 50 * row, 600, 30))
        for row, text in enumerate(RIGHT)
    ),
]


def selected(page: Page) -> list[str]:
    """The selected lines, or parts of lines."""
    text: str = page.evaluate("() => String(getSelection())")
    return text.rstrip("\n").split("\n")


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the image is on the screen."""
    left, top, right, _ = corners(page.locator("#sheet"))
    scale = (right - left) / 1600
    return left + x * scale, top + y * scale


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Drag over these pixels of the image."""
    start, *others = (place(page, *point) for point in points)
    page.mouse.move(*start)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


@pytest.fixture
def page(visit: Callable[..., Visit]) -> Page:
    """The page with an image of two columns, laid out as the engine does."""
    here = visit(**CLIPBOARD)
    here.read(scene(PAGE, width=1600, height=600, laid_out=True))
    shown = here.page.locator("#lines li .line-text").all_inner_texts()
    assert shown == [*LEFT, *RIGHT]
    return here.page


@pytest.mark.parametrize(
    "points",
    [
        # Over the lines and the gaps between them.
        [(64, 75), (300, 150), (258, 325)],
        # Next to the short last line, where there is no text.
        [(64, 75), (500, 250), (620, 325)],
        # Below the column, where the right one has lines.
        [(64, 75), (400, 200), (500, 430)],
        # To the left of the lines, and out of the image.
        [(64, 75), (20, 200), (400, 330), (400, 700)],
    ],
    ids=["lines", "next to a short line", "below the column", "out of the image"],
)
def test_dragging_down_a_column_selects_its_lines_only(
    page: Page, points: Sequence[tuple[float, float]]
) -> None:
    drag(page, *points)
    assert selected(page) == LEFT


def test_the_selection_is_copied(page: Page) -> None:
    drag(page, (764, 75), (1000, 200), (1355, 475))
    expect(page.locator("#viewport")).to_be_focused()
    page.keyboard.press("Control+c")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.rstrip("\n").replace("\r", "").split("\n") == RIGHT


def test_dragging_up(page: Page) -> None:
    drag(page, (655, 225), (400, 130), (62, 75))
    assert selected(page) == LEFT[:4]


def test_dragging_back_selects_less(page: Page) -> None:
    drag(page, (64, 75), (300, 325), (655, 150), (655, 125))
    assert selected(page) == LEFT[:2]


def test_dragging_into_the_next_column_continues_in_reading_order(page: Page) -> None:
    drag(page, (64, 275), (300, 325), (1355, 75))
    assert selected(page) == [*LEFT[4:], RIGHT[0]]


def test_shift_and_a_click_extend_the_selection(page: Page) -> None:
    page.mouse.click(*place(page, 62, 75))
    page.keyboard.down("Shift")
    page.mouse.click(*place(page, 655, 225))
    page.keyboard.up("Shift")
    assert selected(page) == LEFT[:4]


def test_a_double_click_selects_a_word(page: Page) -> None:
    page.mouse.dblclick(*place(page, 90, 75))
    assert [each.strip() for each in selected(page)] == ["left"]


def test_hidden_lines_are_not_selected(here: Visit) -> None:
    weak = [ScriptedLine(*PAGE[2][:1], 0.6, PAGE[2].box)]
    here.read(scene([*PAGE[:2], *weak, *PAGE[3:]], width=1600, height=600, laid_out=True))
    here.page.locator("#minimum-confidence").fill("80")
    drag(here.page, (64, 75), (300, 175), (258, 325))
    assert selected(here.page) == [*LEFT[:2], *LEFT[3:]]


def test_text_is_selected_while_a_line_is_edited(page: Page) -> None:
    """Pressing the image ends the edit, which draws the lines again."""
    page.locator("#lines li .line-text").first.dblclick()
    page.get_by_role("textbox", name="Text of the line").fill("changed")
    drag(page, (64, 75), (300, 150), (258, 325))
    expect(page.locator("#lines li .line-text").first).to_have_text("changed")
    assert selected(page) == ["changed", *LEFT[1:]]
