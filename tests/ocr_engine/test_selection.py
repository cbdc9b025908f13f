"""Lines are left out or sorted; blocks and tables follow them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocr_engine.moved_boxes import resized
from ocr_engine.result import Block, Cell, Page
from ocr_engine.selection import confident, in_raster_order
from tests.support.made_pages import BLOCKS, DOCUMENT, PAGE, RASTER, SHOWN, TEXTS, line


def texts(page: Page) -> list[str]:
    return [each.text for each in page.lines]


def test_a_page_that_loses_no_line_is_the_same() -> None:
    assert confident(PAGE, 0.3) is PAGE
    assert in_raster_order(replace(PAGE, raster=())) == replace(PAGE, raster=())


def test_a_line_of_little_confidence_is_gone_from_both_orders() -> None:
    page = confident(PAGE, 0.5)
    assert texts(page) == SHOWN
    in_rows = [TEXTS[position] for position in RASTER]
    assert texts(in_raster_order(page)) == [text for text in in_rows if text in SHOWN]


def test_a_block_without_lines_is_gone() -> None:
    assert confident(PAGE, 0.95) == Page(PAGE.width, PAGE.height, ())
    weak = Block((line("weak", 0, 0, confidence=0.1),))
    page = confident(Page(9, 9, (BLOCKS[0], weak, BLOCKS[6]), raster=(2, 1, 0)), 0.5)
    assert [block.type for block in page.blocks] == ["title", "footer"]
    assert page.raster == (1, 0)


def test_an_order_that_no_longer_differs_is_none() -> None:
    one, two = line("one", 0, 0), line("two", 0, 50)
    weak = line("weak", 50, 0, confidence=0.1)
    page = Page(99, 99, (Block((one, two)), Block((weak,), area=1)), raster=(0, 2, 1))
    assert confident(page, 0.5) == Page(99, 99, (Block((one, two)),))


def test_cells_keep_the_lines_that_are_left() -> None:
    table = BLOCKS[5]
    first = replace(table.lines[0], confidence=0.1)
    page = Page(9, 9, (replace(table, lines=(first, *table.lines[1:])),))
    (block,) = confident(page, 0.5).blocks
    assert [each.text for each in block.lines] == ["Price", "milk", "a|b"]
    assert block.table is not None
    assert block.table.cells == (
        Cell(0, 0),
        Cell(0, 1, (0,)),
        Cell(1, 0, (1,)),
        Cell(1, 1, (2,)),
    )


def test_blocks_in_raster_order() -> None:
    page = in_raster_order(PAGE)
    assert texts(page) == [TEXTS[position] for position in RASTER]
    assert page.raster == ()
    parts = [(block.type, block.area, len(block.lines)) for block in page.blocks]
    assert parts == [
        ("title", 0, 1),
        ("text", 1, 1),
        ("text", 2, 1),
        ("text", 3, 1),
        ("text", 4, 1),
        ("text", 5, 1),
        ("list", 6, 1),
        ("list", 6, 1),
        ("table", 6, 4),
        ("footer", 7, 1),
    ]


def test_a_table_whose_rows_are_apart_becomes_text() -> None:
    table, text = BLOCKS[5], Block((line("next", 300, 210),), area=4)
    page = in_raster_order(Page(400, 400, (table, text), raster=(0, 1, 4, 2, 3)))
    assert [(block.type, block.table) for block in page.blocks] == [("text", None)] * 3


@pytest.mark.parametrize("size", [(200, 250), (800, 500)])
def test_blocks_stay_when_boxes_are_resized(size: tuple[int, int]) -> None:
    (page,) = resized(DOCUMENT, *size).pages
    assert (page.width, page.height) == size
    assert page.raster == RASTER
    kinds = [(block.type, block.area, block.level, block.table) for block in page.blocks]
    assert kinds == [(block.type, block.area, block.level, block.table) for block in BLOCKS]
    assert texts(page) == TEXTS
