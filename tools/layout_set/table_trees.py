"""How alike two tables are: TEDS, the similarity by the edit distance of their trees.

Zhong, ShafieiBavani and Jimeno Yepes, "Image-based table recognition: data, model, and evaluation",
2020. The trees are table > tr > td, without thead and tbody: an image does not show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from layout_set.truth import TrueCell
from text_accuracy import edit_distance, normalise


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the tree; spans and text are those of a cell."""

    tag: str
    children: tuple[Node, ...] = ()
    spans: tuple[int, int] = (1, 1)
    text: str = ""


def table_tree(cells: Iterable[TrueCell]) -> Node:
    """The tree of a table; a row in which no cell begins has none."""
    rows: dict[int, list[Node]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.row, cell.column)):
        node = Node("td", (), (cell.row_span, cell.column_span), normalise(cell.text))
        rows.setdefault(cell.row, []).append(node)
    return Node("table", tuple(Node("tr", tuple(row)) for row in rows.values()))


def similarity(first: Node, second: Node) -> float:
    """TEDS: 1 for equal tables, 0 for tables without anything in common."""
    ours, theirs = _Order.of(first), _Order.of(second)
    nodes = max(len(ours.nodes), len(theirs.nodes)) - 1
    return 1 - tree_distance(first, second) / nodes if nodes else 1.0


def tree_distance(first: Node, second: Node) -> float:
    """The edit distance of two ordered trees (Zhang and Shasha, 1989).

    A node that is inserted or deleted costs 1, a replaced one what _replacement() says.
    """
    a, b = _Order.of(first), _Order.of(second)
    distances = [[0.0] * len(b.nodes) for _ in a.nodes]
    for i in a.roots:
        for j in b.roots:
            _forest_distances(a, b, i, j, distances)
    return distances[-1][-1]


class _Order(NamedTuple):
    """The nodes of a tree in postorder, the first leaf below each, and the key roots."""

    nodes: list[Node]
    leaves: list[int]
    roots: list[int]

    @classmethod
    def of(cls, tree: Node) -> _Order:
        order = cls([], [], [])
        order._add(tree)
        last = {leaf: place for place, leaf in enumerate(order.leaves)}
        order.roots.extend(sorted(last.values()))
        return order

    def _add(self, node: Node) -> int:
        """Add a subtree; returns its first leaf."""
        firsts = [self._add(child) for child in node.children]
        self.nodes.append(node)
        self.leaves.append(firsts[0] if firsts else len(self.nodes) - 1)
        return self.leaves[-1]


def _forest_distances(a: _Order, b: _Order, i: int, j: int, distances: list[list[float]]) -> None:
    """Fill in the distances of all subtrees on the leftmost paths of i and j."""
    first, second = a.leaves[i], b.leaves[j]
    rows, columns = i - first + 2, j - second + 2
    forest = [[float(x + y) for x in range(columns)] for y in range(rows)]
    for y in range(1, rows):
        for x in range(1, columns):
            m, n = first + y - 1, second + x - 1
            shorter = min(forest[y - 1][x], forest[y][x - 1]) + 1
            if a.leaves[m] == first and b.leaves[n] == second:
                replaced = forest[y - 1][x - 1] + _replacement(a.nodes[m], b.nodes[n])
                forest[y][x] = distances[m][n] = min(shorter, replaced)
            else:
                whole = forest[a.leaves[m] - first][b.leaves[n] - second] + distances[m][n]
                forest[y][x] = min(shorter, whole)


def _replacement(first: Node, second: Node) -> float:
    """1 for another tag or other spans, else the share of characters that differ."""
    if first.tag != second.tag or first.spans != second.spans:
        return 1.0
    longest = max(len(first.text), len(second.text))
    return edit_distance(first.text, second.text) / longest if longest else 0.0
