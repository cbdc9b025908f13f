"""How well the layout of a page was recognized: order, text, paragraphs, tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from layout_set.matching import Match, match_lines
from layout_set.table_trees import Node, similarity, table_tree
from layout_set.truth import TrueBlock, TrueCell, TrueLine, TruePage
from ocr_engine.geometry import Quad, level_box
from ocr_engine.result import Block
from text_accuracy import errors_and_length

BULLETS = dict.fromkeys(map(ord, "•◦▪●○■□·–"))  # drawn by the style sheet, or read as a dot
_PARTS_UNKNOWN = ("loose", "code")


class PageScore(NamedTuple):
    """What was right on a page.

    order: Kendall's tau of the true lines. wrong, characters: of the whole text in order. misread:
    what is wrong if the lines are put in the true order. joined, pairs: consecutive lines of which
    it is right whether they are one paragraph. tables: TEDS of each true table. extra: found tables
    that are none. found, lines: true lines that were found.
    """

    order: float
    wrong: int
    characters: int
    misread: int
    joined: int
    pairs: int
    tables: tuple[float, ...]
    extra: int
    found: int
    lines: int


def page_score(truth: TruePage, blocks: Sequence[Block]) -> PageScore:
    """Compare the blocks of a page, in their order, with what is known of it."""
    lines = [line for block in blocks for line in block.lines]
    matches = match_lines([line.box for line in truth.lines], [line.box for line in lines])
    wrong, characters = text_errors(
        (line.text for line in truth.lines), (line.text for line in lines)
    )
    in_order = dict.fromkeys(match.found for each in matches for match in each)
    misread, _ = text_errors(
        (line.text for line in truth.lines), (lines[number].text for number in in_order)
    )
    joined, pairs = _joined(truth, matches, _paragraphs(blocks))
    tables, extra = _tables(truth, matches, blocks)
    placed = [each for each in matches if each]
    order = kendall_tau([(each[0].found, each[0].along) for each in placed])
    found = (len(placed), len(matches))
    return PageScore(order, wrong, characters, misread, joined, pairs, tables, extra, *found)


def kendall_tau(places: Sequence[tuple[int, float]]) -> float:
    """Pairs in the right order less pairs in the wrong order, over all pairs; 1.0 without pairs.

    places: of what should be in this order (Kendall, 1938). Equal places count as right.
    """
    ranks = {place: rank for rank, place in enumerate(sorted(set(places)))}
    order = np.array([ranks[place] for place in places])
    pairs = len(order) * (len(order) - 1) // 2
    inversions = int(np.triu(order[:, None] > order[None, :]).sum())
    return 1 - 2 * inversions / pairs if pairs else 1.0


def text_errors(true: Iterable[str], found: Iterable[str]) -> tuple[int, int]:
    """The edit distance of the whole text, and its length; without spaces and bullets."""
    return errors_and_length(
        [text.translate(BULLETS) for text in true], [text.translate(BULLETS) for text in found]
    )


def _paragraphs(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """The paragraph of each line: its block, and the cell of a table."""
    paragraphs: list[tuple[int, int]] = []
    for number, block in enumerate(blocks):
        cells = block.table.cells if block.table else ()
        cell_of = {line: place for place, cell in enumerate(cells) for line in cell.lines}
        paragraphs += [(number, cell_of.get(place, -1)) for place in range(len(block.lines))]
    return paragraphs


def _joined(
    truth: TruePage, matches: Sequence[Sequence[Match]], paragraphs: Sequence[tuple[int, int]]
) -> tuple[int, int]:
    """Pairs of consecutive lines that are right, and how many there are."""
    right = pairs = 0
    for (first, its), (second, others) in pairwise(zip(truth.lines, matches, strict=True)):
        if its and others and _known(truth.blocks, first, second):
            together = paragraphs[its[-1].found] == paragraphs[others[0].found]
            right += together == (first.block == second.block)
            pairs += 1
    return right, pairs


def _known(blocks: Sequence[TrueBlock], first: TrueLine, second: TrueLine) -> bool:
    """Whether it is known, and can be seen, if the lines are one paragraph.

    Not within a table or a row, and not where the text continues in another column.
    """
    a, b = blocks[first.block], blocks[second.block]
    if a.table is not None and a.table == b.table:
        return False
    if a.row is not None and a.row == b.row:
        return False
    if a.type == b.type and a.type in _PARTS_UNKNOWN:
        return False
    if a.vertical or b.vertical:
        return a.vertical == b.vertical and _middle(second.box)[0] < _middle(first.box)[0]
    return _middle(second.box)[1] > _middle(first.box)[1]


def _middle(quad: Quad) -> tuple[float, float]:
    left, top, right, bottom = level_box(quad)
    return (left + right) / 2, (top + bottom) / 2


def _tables(
    truth: TruePage, matches: Sequence[Sequence[Match]], blocks: Sequence[Block]
) -> tuple[tuple[float, ...], int]:
    """TEDS of each true table with the found one that has most of its lines, and how many more."""
    block_of = [number for number, block in enumerate(blocks) for _ in block.lines]
    votes: list[Counter[int]] = [Counter() for _ in truth.tables]
    for line, its in zip(truth.lines, matches, strict=True):
        table = truth.blocks[line.block].table
        if table is not None:
            numbers = {block_of[match.found] for match in its}
            votes[table].update(n for n in numbers if blocks[n].table is not None)
    scores = []
    for cells, counted in zip(truth.tables, votes, strict=True):
        best = counted.most_common(1)
        scores.append(
            similarity(table_tree(cells), _found_tree(blocks[best[0][0]])) if best else 0.0
        )
    held = {number for counted in votes for number in counted}
    found = sum(block.table is not None for block in blocks)
    return tuple(scores), found - len(held)


def _found_tree(block: Block) -> Node:
    assert block.table is not None
    return table_tree(
        TrueCell(
            cell.row,
            cell.column,
            cell.row_span,
            cell.column_span,
            "".join(block.lines[line].text for line in cell.lines),
        )
        for cell in block.table.cells
    )
