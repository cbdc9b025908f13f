"""Selects lines of a page, or puts them into another order; the blocks follow their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby

from ocr_engine.result import Block, Cell, Page, Table, raster_of


def confident(page: Page, score: float) -> Page:
    """The page without the lines of less confidence; blocks that lose all lines are gone, too."""
    kept = [line.is_shown(score) for line in page.lines]
    if all(kept):
        return page
    places = list(accumulate(kept, initial=0))  # of each line, among those that are kept
    raster = [places[position] for position in page.raster if kept[position]]
    return replace(
        page,
        blocks=tuple(_with_lines_left(page.blocks, kept)),
        raster=raster_of(raster),
    )


def in_raster_order(page: Page) -> Page:
    """The page with its lines in raster order.

    Lines of a block that follow each other stay together; a block whose lines do so all keeps its
    type. An area ends where a line of another one follows.
    """
    if not page.raster:
        return page
    lines = page.lines
    owners = [number for number, block in enumerate(page.blocks) for _ in block.lines]
    starts = list(accumulate((len(block.lines) for block in page.blocks), initial=0))
    blocks: list[Block] = []
    area, last_area = -1, -1
    for owner, group in groupby(page.raster, key=owners.__getitem__):
        run, block = list(group), page.blocks[owner]
        area += block.area != last_area
        last_area = block.area
        if run == list(range(starts[owner], starts[owner + 1])):
            blocks.append(replace(block, area=area))
        else:
            blocks.append(Block(tuple(lines[position] for position in run), area=area))
    return replace(page, blocks=tuple(blocks), raster=())


def _with_lines_left(blocks: Sequence[Block], kept: Sequence[bool]) -> Iterator[Block]:
    end = 0
    for block in blocks:
        start, end = end, end + len(block.lines)
        own = kept[start:end]
        if all(own):
            yield block
        elif any(own):
            lines = tuple(line for line, stays in zip(block.lines, own, strict=True) if stays)
            table = block.table and _table_with(block.table, own)
            yield replace(block, lines=lines, table=table)


def _table_with(table: Table, kept: Sequence[bool]) -> Table:
    places = list(accumulate(kept, initial=0))

    def cell_with(cell: Cell) -> Cell:
        return replace(cell, lines=tuple(places[each] for each in cell.lines if kept[each]))

    return replace(table, cells=tuple(map(cell_with, table.cells)))
