"""The blocks of a page in reading order, from the places of its lines."""

from __future__ import annotations

from collections.abc import Sequence

from ocr_engine.layout import columns, grids, running, tables, vertical
from ocr_engine.layout.paragraphs import Draft, drafts_of
from ocr_engine.layout.pieces import Piece, body_height, pieces_of
from ocr_engine.layout.pitches import Body, body_of
from ocr_engine.layout.rows import Row, rows_of
from ocr_engine.layout.rules import Rule
from ocr_engine.result import Block, Line, raster_of
from ocr_engine.stages.reading_order import Corners

SAME_LEVEL = 1.1  # ratio of the heights of two titles of the same level


def lay_out(
    lines: Sequence[Line],
    corners: Corners,
    skew: float,
    height: int,
    rules: Sequence[Rule] = (),
) -> tuple[tuple[Block, ...], tuple[int, ...]]:
    """The blocks of a page in reading order, and Page.raster; each line is in one block.

    lines: in raster order. corners: of their boxes, on the upright page of this height in pixels.
    skew: its page_skew(). rules: the long straight lines drawn on it.
    """
    if not lines:
        return (), ()
    pieces = pieces_of(lines, corners, skew)
    found = list(_drafts(grids.with_tables(pieces, grids.level(rules, skew)), height))
    blocks = _blocks(lines, found)
    order = [number for _, draft in found for number in draft.numbers]
    return blocks, _raster(order)


def _drafts(pieces: Sequence[Piece], height: int) -> list[tuple[int, Draft]]:
    """The blocks of the pieces in reading order, each with the number of its area."""
    above: list[Piece] = []
    below: list[Piece] = []
    if vertical.has_columns(pieces):
        areas = vertical.areas(pieces)
    else:
        above, pieces, below = running.apart(pieces, height)
        areas = columns.areas(pieces)
    parts = [
        (area.is_rotated, list(tables.parts(rows_of(area.pieces), area.strips))) for area in areas
    ]
    size = body_height(pieces)
    bodies = {
        side: body_of(
            [
                part
                for is_rotated, found in parts
                if is_rotated == side
                for part in found
                if not isinstance(part, Draft)
            ],
            size,
        )
        for side in (False, True)
    }
    groups = [
        *([[Draft("header", piece.numbers) for piece in above]] if above else ()),
        *(_area_drafts(found, bodies[is_rotated]) for is_rotated, found in parts),
        [Draft("footer", piece.numbers) for piece in below],
    ]
    return [(number, draft) for number, group in enumerate(groups) for draft in group]


def _area_drafts(parts: Sequence[Draft | Sequence[Row]], body: Body) -> list[Draft]:
    """The blocks of an area: its tables, and those of its other rows."""
    return [
        draft
        for part in parts
        for draft in ([part] if isinstance(part, Draft) else drafts_of(part, body))
    ]


def _blocks(lines: Sequence[Line], found: Sequence[tuple[int, Draft]]) -> tuple[Block, ...]:
    levels = _levels([draft.height for _, draft in found if draft.type == "title"])
    return tuple(
        Block(
            tuple(lines[number] for number in draft.numbers),
            draft.type,
            area,
            levels[draft.height] if draft.type == "title" else 0,
            draft.table,
        )
        for area, draft in found
    )


def _levels(heights: Sequence[float]) -> dict[float, int]:
    """The level of titles of each height: 1 for the largest, and for those of nearly its height."""
    levels: dict[float, int] = {}
    level, largest = 0, float("inf")
    for height in sorted(set(heights), reverse=True):
        if height * SAME_LEVEL < largest:
            level, largest = level + 1, height
        levels[height] = level
    return levels


def _raster(order: Sequence[int]) -> tuple[int, ...]:
    """Where each line went, unless all stayed in their places."""
    return raster_of(sorted(range(len(order)), key=order.__getitem__))
