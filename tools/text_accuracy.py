"""How well text was read: character accuracy against known text, agreement between two readers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence


def normalise(text: str) -> str:
    """The text without white space, with full-width and other compatibility forms unified."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def edit_distance(first: str, second: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions (Levenshtein, 1966)."""
    if len(first) < len(second):
        first, second = second, first
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def errors_and_length(expected: Sequence[str], read: Sequence[str]) -> tuple[int, int]:
    """Wrong characters of a page and how many it has; lines are joined in reading order."""
    truth = normalise("".join(expected))
    return edit_distance(truth, normalise("".join(read))), len(truth)


def character_accuracy(pages: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """1 - wrong characters / characters, over (expected lines, lines read) of many pages."""
    wrong = total = 0
    for expected, read in pages:
        page_wrong, page_total = errors_and_length(expected, read)
        wrong, total = wrong + page_wrong, total + page_total
    return 1 - wrong / total


def differing_lines(first: Sequence[str], second: Sequence[str]) -> tuple[list[str], list[str]]:
    """Lines that only the first reader has and lines that only the second one has."""
    ours = Counter(filter(None, map(normalise, first)))
    theirs = Counter(filter(None, map(normalise, second)))
    return list((ours - theirs).elements()), list((theirs - ours).elements())


def line_agreement(pages: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """The share of the second reader's lines that the first one reads the same, page by page."""
    same = total = 0
    for first, second in pages:
        _, missed = differing_lines(first, second)
        lines = sum(bool(normalise(line)) for line in second)
        same, total = same + lines - len(missed), total + lines
    return same / total
