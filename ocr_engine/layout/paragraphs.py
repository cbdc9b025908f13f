"""The blocks of an area: paragraphs, titles, items of lists, and rows of cells.

A paragraph ends where the distance of the lines grows, where the first word of the next line would
have had room in the line above it, and where a line is indented. Cf. ParagraphParse of Umi-OCR,
which compares edges and distances.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ocr_engine.layout.markers import Marker, markers_of_lists
from ocr_engine.layout.pitches import TITLE_RATIO, Body, close_rows
from ocr_engine.layout.rows import Row
from ocr_engine.result import BlockType, Table

TITLE_BOX_RATIO = 1.08  # of their boxes, which are less certain
LONGEST_TITLE = 80  # characters
TITLE_ROWS = 3
SAME_TITLE = 1.15  # ratio of the heights of two lines of a title
TITLE_PITCH = 2.0  # distance of the lines of a title, in heights
INDENT = 0.7  # in heights
EDGE_ROWS = 6  # above and below a row, which show the right edge of its column
SAME_EDGE = 0.7  # in heights: lines that end at the same edge
LOOSE_SHARE = 0.6  # of lines that end early: all are separate
WIDE_PITCH = 1.65  # distance of lines, in heights: from this, they are often separate
WIDE_LOOSE_SHARE = 0.3  # LOOSE_SHARE of such lines
_SECTION = re.compile(r"\d+(\.\d+)*\.?\s|第.{1,3}[章节條条]")


class Draft(NamedTuple):
    """A block with the numbers of its lines, in reading order; height: of one line."""

    type: BlockType
    numbers: tuple[int, ...]
    height: float = 0.0
    table: Table | None = None


def drafts_of(rows: Sequence[Row], body: Body) -> list[Draft]:
    """The blocks of rows without tables that are not ruled."""
    if not rows:
        return []
    flow = _Flow(rows, body, markers_of_lists([row.text for row in rows]))
    blocks: list[list[int]] = []
    for number in range(len(rows)):
        if blocks and flow.continues(blocks[-1], number):
            blocks[-1].append(number)
        else:
            blocks.append([number])
    return [draft for block in blocks for draft in flow.drafts(block)]


class _Flow:
    """The rows of an area, with what tells where its blocks end."""

    def __init__(self, rows: Sequence[Row], body: Body, markers: Sequence[Marker | None]) -> None:
        self.rows = rows
        self.body = body
        self.markers = markers
        self.has_cells = [row.is_table or row.has_cells for row in rows]
        self.titles = [
            body.has_titles and not cells and _looks_like_title(row, body)
            for row, cells in zip(rows, self.has_cells, strict=True)
        ]
        self.close = close_rows(rows, body.pitch)
        plain = [
            row.right
            for row, cells, title in zip(rows, self.has_cells, self.titles, strict=True)
            if not cells and not title
        ]
        self.right = max(plain, default=0.0)
        self.width = max(row.right for row in rows) - min(row.left for row in rows)
        self.early = self._early_ends()

    def continues(self, block: Sequence[int], number: int) -> bool:
        """Whether a row belongs to the block that ends with the row above it."""
        above, row = self.rows[number - 1], self.rows[number]
        if self.has_cells[number] or self.has_cells[number - 1] or self.markers[number]:
            return False
        if self.titles[number] or self.titles[number - 1]:
            return (
                self.titles[number] and self.titles[number - 1] and self._same_title(block, number)
            )
        if not self.close[number - 1] or self.early[number - 1]:
            return False
        return not self._indented(block, above, row, number)

    def drafts(self, block: Sequence[int]) -> list[Draft]:
        """The block, or what is in a row with a table."""
        first = self.rows[block[0]]
        if first.is_table:
            return [
                Draft("table" if piece.table else "text", piece.numbers, piece.height, piece.table)
                for piece in first.pieces
            ]
        kind: BlockType = "text"
        if self.titles[block[0]]:
            kind = "title"
        elif self.markers[block[0]]:
            kind = "list"
        numbers = tuple(
            number for row in block for piece in self.rows[row].pieces for number in piece.numbers
        )
        return [Draft(kind, numbers, max(self.rows[row].height for row in block))]

    def _same_title(self, block: Sequence[int], number: int) -> bool:
        above, row = self.rows[number - 1], self.rows[number]
        low, high = sorted((above.height, row.height))
        return (
            len(block) < TITLE_ROWS
            and high <= SAME_TITLE * low
            and row.middle - above.middle <= TITLE_PITCH * low
            and self.width - (above.right - above.left) <= row.first_word
            and abs(row.left - above.left) <= max(low, abs(row.right - above.right))
            and not _SECTION.match(row.text)
        )

    def _indented(self, block: Sequence[int], above: Row, row: Row, number: int) -> bool:
        """Whether the left edges show that a paragraph begins."""
        indent = INDENT * row.height
        step = row.left - above.left
        first = len(block) == 1
        if step > indent:
            return not (first and self.markers[block[0]])
        if step < -indent:
            return not first or bool(self.markers[block[0]])
        if first and number + 1 < len(self.rows) and not self.markers[block[0]]:
            below = self.rows[number + 1]
            return self.close[number] and row.left - below.left > indent
        return False

    def _early_ends(self) -> list[bool]:
        """Whether each row has room for the first word of the next one."""
        early = []
        edges = self._right_edges()
        for edge, (above, below) in zip(edges, pairwise(self.rows), strict=False):
            early.append(edge - above.right > below.first_word)
        for first, end in self._runs():
            ends = early[first : end - 1]
            wide = all(
                below.middle - above.middle >= WIDE_PITCH * above.height
                for above, below in pairwise(self.rows[first:end])
            )
            share = WIDE_LOOSE_SHARE if wide else LOOSE_SHARE
            if len(ends) >= 3 and sum(ends) >= share * len(ends):
                early[first : end - 1] = [True] * len(ends)
        return early

    def _runs(self) -> list[tuple[int, int]]:
        """Rows that only the end of a paragraph could part: the first, the one after the last."""
        apart = [
            self.titles[number]
            or self.has_cells[number]
            or self.markers[number] is not None
            or not self.close[number - 1]
            or self.rows[number].left - self.rows[number - 1].left
            > INDENT * self.rows[number].height
            for number in range(1, len(self.rows))
        ]
        breaks = [number for number, is_apart in enumerate(apart, 1) if is_apart]
        return list(pairwise([0, *breaks, len(self.rows)]))

    def _right_edges(self) -> list[float]:
        """How far to the right the lines near each row go, or those of the whole area."""
        rights = [
            -math.inf if cells else row.right
            for row, cells in zip(self.rows, self.has_cells, strict=True)
        ]
        breaks = [number + 1 for number, close in enumerate(self.close) if not close]
        edges: list[float] = []
        for first, end in pairwise([0, *breaks, len(self.rows)]):
            for number in range(first, end):
                row = self.rows[number]
                near = rights[max(first, number - EDGE_ROWS) : min(end, number + EDGE_ROWS + 1)]
                edge = max(row.right, *near)
                reach = edge - SAME_EDGE * row.height
                if len(near) < 2 or sorted(near)[-2] <= reach:
                    edge = max(edge, self.right)
                edges.append(edge)
        return edges


def _looks_like_title(row: Row, body: Body) -> bool:
    text = row.text
    return (
        row.height >= TITLE_RATIO * body.height
        and row.bottom - row.top >= TITLE_BOX_RATIO * body.box
        and len(text) <= LONGEST_TITLE
        and any(map(str.isalpha, text))
    )
