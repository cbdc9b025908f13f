"""Wrong characters of a page, row by row, and what a difference between two readers is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hard_set.sheet import Matrix, Row
from text_accuracy import edit_distance, with_word_spaces

RESAMPLES = 2_000


class ReadLine(NamedTuple):
    """A line that a reader found: its text and the middle of its box in the image."""

    text: str
    x: float
    y: float


class Score(NamedTuple):
    """Wrong characters of a page, and how many it has."""

    wrong: int
    characters: int


class Difference(NamedTuple):
    """The difference between two accuracies, and its 95 % interval."""

    value: float
    low: float
    high: float


def page_score(rows: Sequence[Row], to_image: Matrix, lines: Sequence[ReadLine]) -> Score:
    """Compare what was read with the rows.

    Each line goes to the row whose middle is nearest, and a row's lines are joined from left to
    right, so that the order in which a reader lists its lines does not count.
    """
    read: list[list[tuple[float, str]]] = [[] for _ in rows]
    middles = np.array([(row.top + row.bottom) / 2 for row in rows])
    from_image = np.linalg.inv(to_image)
    for line in lines:
        across, down, depth = from_image @ np.array((line.x, line.y, 1.0))
        nearest = int(np.abs(middles - down / depth).argmin())
        read[nearest].append((float(across / depth), line.text))
    wrong = characters = 0
    for row, found in zip(rows, read, strict=True):
        expected = with_word_spaces(row.text)
        text = with_word_spaces(" ".join(text for _, text in sorted(found)))
        wrong += edit_distance(expected, text)
        characters += len(expected)
    return Score(wrong, characters)


def accuracy(scores: Sequence[Score]) -> float:
    """1 - wrong characters / characters."""
    return 1 - sum(score.wrong for score in scores) / sum(score.characters for score in scores)


def difference(
    ours: Sequence[Sequence[Score]], theirs: Sequence[Sequence[Score]], seed: int = 0
) -> Difference:
    """Our accuracy less theirs, over the same pages in the same groups.

    The interval is a bootstrap over pages, drawn within each group (a class), both readers on the
    same pages (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13).
    """
    random = np.random.default_rng(seed)
    gained, characters = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    total_gained = total_characters = 0
    for our_group, their_group in zip(ours, theirs, strict=True):
        pairs = zip(their_group, our_group, strict=True)
        gains = np.array([their.wrong - our.wrong for their, our in pairs])
        lengths = np.array([score.characters for score in our_group])
        drawn = random.integers(0, len(gains), (RESAMPLES, len(gains)))
        gained += gains[drawn].sum(axis=1)
        characters += lengths[drawn].sum(axis=1)
        total_gained += int(gains.sum())
        total_characters += int(lengths.sum())
    low, high = np.percentile(gained / characters, (2.5, 97.5)).tolist()
    return Difference(total_gained / total_characters, low, high)
