"""Which recognized lines lie in which true lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ocr_engine.geometry import Quad, is_vertical

SAMPLES = 20  # points of a line that are looked at
LEAST_SHARE = 0.5

Points = npt.NDArray[np.float64]


class Match(NamedTuple):
    """A recognized line, and how far along it the true line begins, from 0 to 1."""

    found: int
    along: float


def match_lines(true: Sequence[Quad], found: Sequence[Quad]) -> list[list[Match]]:
    """For each true line its recognized lines, in the order in which these were given.

    A recognized line belongs to the true line that holds most of its middle, at least LEAST_SHARE.
    A true line without any belongs to the recognized line that holds most of its middle: that one
    joins several true lines.
    """
    matches: list[list[Match]] = [[] for _ in true]
    if not true or not found:
        return matches
    within = _shares(found, true)
    for index, holder in enumerate(within.argmax(axis=1).tolist()):
        if within[index, holder] >= LEAST_SHARE:
            matches[holder].append(Match(index, 0.0))
    around = _shares(true, found)
    for index, holder in enumerate(around.argmax(axis=1).tolist()):
        if not matches[index] and around[index, holder] >= LEAST_SHARE:
            matches[index].append(Match(holder, 0.0))
    return [
        [Match(each, _along(quad, found[each])) for each, _ in lines]
        for quad, lines in zip(true, matches, strict=True)
    ]


def _shares(lines: Sequence[Quad], holders: Sequence[Quad]) -> npt.NDArray[np.float64]:
    """The share of each line's middle (row) that lies in each holder (column)."""
    points = np.array([_middle(quad) for quad in lines]).reshape(-1, 1, 2)
    corners = np.array(holders, dtype=np.float64)
    inside = np.ones((len(points), len(corners)), dtype=bool)
    for edge in range(4):
        start = corners[:, edge]
        along = corners[:, (edge + 1) % 4] - start
        to_point = points - start
        inside &= along[:, 0] * to_point[..., 1] - along[:, 1] * to_point[..., 0] >= 0
    shares: npt.NDArray[np.float64] = inside.reshape(len(lines), SAMPLES, -1).mean(axis=1)
    return shares


def _middle(quad: Quad) -> Points:
    """Points along the middle of a line, in reading direction."""
    start, end = _ends(quad)
    steps = (np.arange(SAMPLES) + 0.5) / SAMPLES
    return start + steps[:, None] * (end - start)


def _ends(quad: Quad) -> tuple[Points, Points]:
    a, b, c, d = np.array(quad, dtype=np.float64)
    return ((a + b) / 2, (c + d) / 2) if is_vertical(quad) else ((a + d) / 2, (b + c) / 2)


def _along(true: Quad, found: Quad) -> float:
    """How far along the recognized line the true line begins."""
    start, end = _ends(found)
    length = float(np.dot(end - start, end - start)) or 1.0
    share = float(np.dot(_ends(true)[0] - start, end - start)) / length
    return min(max(share, 0.0), 1.0)
