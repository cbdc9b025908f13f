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

from ocr_engine.layout.markers import Marker, marked_part, marker_of, markers_of_lists
from ocr_engine.layout.pitches import (
    PITCH_RATIO,
    SAME_EDGE,
    TITLE_RATIO,
    WIDEST_PITCH,
    Body,
    alike,
    close_rows,
    same_edges,
)
from ocr_engine.layout.rows import Row
from ocr_engine.result import BlockType, Table

TITLE_BOX_RATIO = 1.08  # of their boxes, which are less certain
LONGEST_TITLE = 80  # characters
TITLE_ROWS = 3
SAME_TITLE = 1.15  # ratio of the heights of two lines of a title
TITLE_PITCH = 2.0  # distance of the lines of a title, in heights
INDENT = 0.7  # in heights
WIDEST_INDENT = 4.0  # of the first line of a paragraph
FLOW_PITCH = 1.12  # ratio of the distance of lines to the usual one, in a paragraph
EDGE_ROWS = 6  # above and below a row, which show the right edge of its column
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
        self.close = close_rows(rows, body.pitch)
        cells = [row.is_table or row.has_cells for row in rows]
        self.has_cells = [each and not self._justified(n, cells) for n, each in enumerate(cells)]
        self.titles = [
            body.has_titles and not cells and _looks_like_title(row, body)
            for row, cells in zip(rows, self.has_cells, strict=True)
        ]
        plain = [
            row.right
            for row, cells, title in zip(rows, self.has_cells, self.titles, strict=True)
            if not cells and not title
        ]
        self.right = max(plain, default=0.0)
        self.width = max(row.right for row in rows) - min(row.left for row in rows)
        self.early = [
            edge - above.right > below.first_word
            for edge, (above, below) in zip(self._right_edges(), pairwise(rows), strict=False)
        ]
        self.titles = [each and not self._in_text(n) for n, each in enumerate(self.titles)]
        self.markers = [
            marker or (marker_of(row.text) if self._hangs(n) else None)
            for n, (row, marker) in enumerate(zip(rows, markers, strict=True))
        ]
        self._end_loose_rows()

    def continues(self, block: Sequence[int], number: int) -> bool:
        """Whether a row belongs to the block that ends with the row above it."""
        above, row = self.rows[number - 1], self.rows[number]
        if self.has_cells[number] or self.has_cells[number - 1] or self.markers[number]:
            return False
        if self.titles[number] or self.titles[number - 1]:
            return (
                self.titles[number] and self.titles[number - 1] and self._same_title(block, number)
            )
        if self.early[number - 1] or not (self.close[number - 1] or self._returns(block, number)):
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

    def _returns(self, block: Sequence[int], number: int) -> bool:
        """Whether a row is the second one of a paragraph whose first one is full and indented.

        Its distance need not be usual, if that above the paragraph is no smaller.
        """
        if len(block) > 1 or number < 2:
            return False
        before, above, row = self.rows[number - 2 : number + 1]
        pitch = row.middle - above.middle
        return (
            INDENT * row.height < above.left - row.left < WIDEST_INDENT * row.height
            and pitch
            <= min(WIDEST_PITCH * row.height, PITCH_RATIO * (above.middle - before.middle))
            and alike(above, row)
        )

    def _justified(self, number: int, cells: Sequence[bool]) -> bool:
        """Whether the gaps of a row are only the wide spaces of a justified line.

        The line above or below it has no gaps, and the same edges; there is no other row of cells.
        """
        row = self.rows[number]
        if row.is_table:
            return False
        near = [n for n in (number - 1, number + 1) if 0 <= n < len(self.rows)]
        if any(cells[n] and self.close[min(n, number)] for n in near):
            return False
        return any(self._is_justified_with(number, n) for n in near)

    def _is_justified_with(self, number: int, other: int) -> bool:
        """Whether the other row, next to it, is one line with the same edges."""
        its = self.rows[other]
        is_near = self.close[min(number, other)] and len(its.pieces) == 1
        return is_near and same_edges(self.rows[number], its)

    def _in_text(self, number: int) -> bool:
        """Whether a row that is as high as a title is a line of the paragraph around it.

        The spaces of a justified line may be wide, and so its letters seem large.
        """
        row, slack = self.rows[number], SAME_EDGE * self.body.height
        if number and not self.titles[number - 1]:
            above = self.rows[number - 1]
            near = self._is_usual(number - 1, number - 2)
            if near and not self.early[number - 1] and abs(above.left - row.left) <= slack:
                return True
        if number + 1 < len(self.rows) and not self.titles[number + 1]:
            below = self.rows[number + 1]
            near = self._is_usual(number, number + 1)
            return near and abs(below.right - row.right) <= slack and below.left - slack <= row.left
        return False

    def _is_usual(self, number: int, other: int) -> bool:
        """Whether a row is as near to the next one as usual, or as the other row is to its next."""
        if not self.close[number]:
            return False
        usual = self.body.pitch * self.body.height
        if 0 <= other < len(self.close) and self.close[other]:
            usual = max(usual, self.rows[other + 1].middle - self.rows[other].middle)
        pitch = self.rows[number + 1].middle - self.rows[number].middle
        return pitch <= FLOW_PITCH * usual

    def _may_go_on(self, number: int) -> bool:
        """Whether a row is full, and near enough to the one below."""
        return number + 1 < len(self.rows) and self.close[number] and not self.early[number]

    def _step(self, number: int) -> float:
        """How much further to the right the row below begins."""
        return self.rows[number + 1].left - self.rows[number].left

    def _hangs(self, number: int) -> bool:
        """Whether the row below begins where the text after the marker of this one does."""
        row = self.rows[number]
        marker = marked_part(row.text)
        if not marker or not self._may_go_on(number) or self._begins(number + 1):
            return False
        return INDENT * row.height < self._step(number) < (len(marker.strip()) + 1) * row.height

    def _begins(self, number: int) -> bool:
        """Whether a row is indented, and its text continues in the one below, which is not."""
        if not self._may_go_on(number) or marked_part(self.rows[number + 1].text):
            return False
        return -self._step(number) > INDENT * self.rows[number].height

    def _indented(self, block: Sequence[int], above: Row, row: Row, number: int) -> bool:
        """Whether the left edges show that a paragraph begins."""
        indent = INDENT * row.height
        step = row.left - above.left
        first = len(block) == 1
        is_item = self.markers[block[0]] is not None
        if step > indent:
            return not first or self._begins(number) or not (is_item or self._continued(number))
        if step < -indent:
            return not first or is_item
        if is_item and not first and self._begins(number):
            return True
        if first and number + 1 < len(self.rows) and not is_item:
            return self.close[number] and -self._step(number) > indent
        return False

    def _continued(self, number: int) -> bool:
        """Whether the row below an indented row begins at the same place, and continues with it."""
        indent = INDENT * self.rows[number].height
        return self._may_go_on(number) and abs(self._step(number)) <= indent

    def _end_loose_rows(self) -> None:
        """Where most rows end early, such as those of a poem, all do."""
        for first, end in self._runs():
            ends = self.early[first : end - 1]
            wide = all(
                below.middle - above.middle >= WIDE_PITCH * above.height
                for above, below in pairwise(self.rows[first:end])
            )
            share = WIDE_LOOSE_SHARE if wide else LOOSE_SHARE
            if len(ends) >= 3 and sum(ends) >= share * len(ends):
                self.early[first : end - 1] = [True] * len(ends)

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
