"""The order of the lines of a page: columns, titles across them, rows that stay rows."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from ocr_engine.geometry import LevelBox, as_quad
from ocr_engine.layout import lay_out
from ocr_engine.result import Line
from ocr_engine.stages.reading_order import page_skew
from tests.support.layout_pages import (
    PITCH,
    column,
    grouped,
    hanzi,
    laid_out,
    line,
    names,
    skewed,
    upright_line,
    words,
)

FULL = (40, 40, 39, 40, 38, 40, 40, 12, 40, 39, 40, 40)


def two_columns(top: int = 100, prefix: str = "") -> list[Line]:
    """Two columns, whose lines are in the same rows."""
    return column(f"{prefix}a", 60, top, FULL) + column(f"{prefix}b", 520, top, FULL)


def expected(*prefixes: str) -> list[str]:
    return [f"{prefix}{number}" for prefix in prefixes for number in range(len(FULL))]


def test_no_lines_are_no_blocks() -> None:
    assert lay_out((), np.empty((0, 4, 2)), 0.0, 100) == ((), ())


def test_one_line_is_one_block() -> None:
    (block,) = laid_out([line("alone", 10, 10)])
    assert (block.type, block.area, len(block.lines)) == ("text", 0, 1)


def test_columns_are_read_one_after_the_other() -> None:
    blocks = laid_out(two_columns())
    assert names(blocks) == expected("a", "b")
    assert {block.area for block in blocks} == {0, 1}


def test_columns_of_unequal_width_whose_rows_do_not_match() -> None:
    narrow = [line(words(f"n{n}", 22), 60, 100 + 27 * n) for n in range(12)]
    wide = [line(words(f"w{n}", 60), 320, 104 + 31 * n) for n in range(11)]
    assert names(laid_out(narrow + wide)) == [*(f"n{n}" for n in range(12)), *expected("w")[:11]]


def test_three_columns() -> None:
    lines = [
        line(words(f"{name}{n}", 28), left, 100 + PITCH * n)
        for name, left in (("a", 40), ("b", 360), ("c", 680))
        for n in range(10)
    ]
    assert names(laid_out(lines)) == [f"{name}{n}" for name in "abc" for n in range(10)]


def test_a_title_across_the_columns_ends_them() -> None:
    """It is read after both columns above it, even if it is too short to cross the gutter."""
    for length in (40, 12):
        title = line(words("title", length), 60, 540, 30)
        page = [*two_columns(100, "1"), title, *two_columns(660, "2")]
        order = names(laid_out(page))
        assert order == [*expected("1a", "1b"), "title", *expected("2a", "2b")]


def test_a_title_in_a_column_stays_in_it() -> None:
    left = [*column("a", 60, 100, FULL[:5]), line("title", 60, 265, 26)]
    left += column("c", 60, 310, FULL[:5])
    order = names(laid_out(left + column("b", 520, 100, FULL)))
    assert order == [*expected("a")[:5], "title", *expected("c")[:5], *expected("b")]


def test_a_line_that_detection_has_joined_does_not_end_the_columns() -> None:
    page = two_columns()
    joined = line(words("a5", 86), 60, 100 + 5 * PITCH)
    page = [each for each in page if each.text.split()[0] not in ("a5", "b5")] + [joined]
    order = expected("a", "b")
    order.remove("b5")
    assert names(laid_out(page)) == order


def test_a_box_that_reaches_across_the_gutter_does_not_end_the_columns() -> None:
    page = two_columns()
    page[4] = line(page[4].text, 60, 100 + 4 * PITCH, width=470)  # the other column begins at 520
    assert names(laid_out(page)) == expected("a", "b")


@pytest.mark.parametrize("degrees", [-3, 3])
def test_columns_of_a_skewed_page(degrees: float) -> None:
    page = [line("title of the whole page", 60, 40, 34), *two_columns()]
    assert names(laid_out(skewed(page, degrees))) == ["title", *expected("a", "b")]


def test_a_receipt_stays_in_rows() -> None:
    goods = ("bread", "milk", "cheese of the house", "tea", "butter", "eggs", "salt", "a basket")
    lines = [line("shop", 180, 30, 30)]
    for number, name in enumerate(goods):
        lines += [line(name, 30, 100 + 32 * number), line(f"{number}.50", 400, 102 + 32 * number)]
    lines += [line("total", 30, 400), line("28.00", 400, 401)]
    order = [text for n, name in enumerate(goods) for text in (name.split()[0], f"{n}.50")]
    assert names(laid_out(lines, 500)) == ["shop", *order, "total", "28.00"]


def test_a_form_stays_in_rows() -> None:
    labels = ("name", "street", "town", "phone", "born", "trade")
    lines = [
        line(f"{label}{side}: {words('value', 14)}", left, 100 + 48 * row)
        for row, label in enumerate(labels)
        for side, left in ((1, 60), (2, 540))
    ]
    assert names(laid_out(lines)) == [f"{label}{side}:" for label in labels for side in (1, 2)]


def test_a_single_column_is_in_raster_order() -> None:
    lines = column("a", 60, 100, (60, 80, 20, 80, 10, 75, 80, 33))
    corners = np.array([each.box for each in lines], dtype=np.float64)
    blocks, raster = lay_out(lines, corners, page_skew(corners), 400)
    assert names(blocks) == [f"a{n}" for n in range(8)]
    assert raster == ()
    assert {block.area for block in blocks} == {0}


def test_vertical_columns_run_from_the_right() -> None:
    lines = [line("horizontal title", 300, 40, 32)]
    lines += [upright_line(hanzi(f"{n}", 20), 800 - 45 * n, 150) for n in range(8)]
    lines += [line("note below the columns", 300, 620)]
    order = ["horizontal", *(hanzi(f"{n}", 20) for n in range(8)), "note"]
    assert names(laid_out(lines)) == order


def test_latin_lines_on_their_side_are_no_columns() -> None:
    lines = [upright_line(words(f"l{n}", 30), 200 + 45 * n, 100) for n in range(8)]
    assert names(laid_out(lines)) == [f"l{n}" for n in range(8)]


def test_two_tiers_of_vertical_columns() -> None:
    lines = [
        upright_line(hanzi(f"{tier}{n}", 18), 800 - 45 * n, 100 + 420 * tier)
        for tier in range(2)
        for n in range(8)
    ]
    assert [name[:2] for name in names(laid_out(lines))] == [
        f"{tier}{n}" for tier in range(2) for n in range(8)
    ]


def test_a_header_and_a_page_number_are_no_part_of_the_columns() -> None:
    page = [line("Monthly", 60, 30, 16), line("17", 900, 30, 16), *two_columns()]
    page.append(line("- 17 -", 480, 1330, 16))
    blocks = laid_out(page)
    assert names(blocks) == ["Monthly", "17", *expected("a", "b"), "-"]
    assert [block.type for block in blocks][:2] == ["header", "header"]
    assert blocks[-1].type == "footer"


# --- any boxes


def scattered(seed: int, count: int = 120) -> list[Line]:
    """Lines of any size at any place, some above each other."""
    generator = random.Random(seed)
    lines = []
    for number in range(count):
        left, top = generator.randrange(900), generator.randrange(1300)
        width, height = generator.randrange(1, 400), generator.randrange(1, 60)
        text = generator.choice(("12.5", "词语", "some words here", "• item", "", "a"))
        box = LevelBox(left, top, left + width, top + height)
        lines.append(Line(f"{number} {text}", 0.5, box.quad))
    return lines


@pytest.mark.parametrize("seed", range(12))
def test_every_line_of_scattered_boxes_is_there_once(seed: int) -> None:
    lines = scattered(seed)
    assert laid_out(lines) == laid_out(lines)  # laid_out() compares the lines


@pytest.mark.parametrize("seed", range(4))
def test_the_size_of_the_page_does_not_change_the_order(seed: int) -> None:
    lines = scattered(seed, 60)
    large = [replace(each, box=as_quad((3 * x, 3 * y) for x, y in each.box)) for each in lines]
    assert grouped(laid_out(large, 4200)) == grouped(laid_out(lines))


def test_a_thousand_lines() -> None:
    lines = [
        line(words(f"{name}{n}", 30), left, 60 + 26 * n)
        for name, left in (("a", 40), ("b", 380), ("c", 720))
        for n in range(340)
    ]
    order = [f"{name}{n}" for name in "abc" for n in range(340)]
    assert names(laid_out(lines, 9000)) == order
