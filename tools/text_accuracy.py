"""How well text was read: character accuracy against known text, agreement between two readers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence


def normalise(text: str) -> str:
    """The text without white space, with full-width and other compatibility forms unified."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def with_word_spaces(text: str) -> str:
    """The text with compatibility forms unified, and of its white space what alone separates words.

    That is a single space between two letters or digits that are not East Asian: Chinese words are
    not separated, and other characters separate words themselves.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return "".join(
        character
        for place, character in enumerate(plain)
        if character != " " or _separates(plain[place - 1], plain[place + 1])
    )


def _separates(before: str, after: str) -> bool:
    """Whether these characters would be in one word without a space between them."""
    wide = any(unicodedata.east_asian_width(each) in "WF" for each in (before, after))
    return not wide and before.isalnum() and after.isalnum()


def edit_distance(first: str, second: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions (Levenshtein, 1966).

    A column of the matrix of distances is two numbers of len(first) bits, for the places where it
    rises and falls (Myers, 1999; Hyyrö, 2003): whole pages take milliseconds.
    """
    if not first:
        return len(second)
    places: dict[str, int] = {}
    for place, character in enumerate(first):
        places[character] = places.get(character, 0) | 1 << place
    every = (1 << len(first)) - 1
    last = 1 << (len(first) - 1)
    rises, falls, distance = every, 0, len(first)
    for character in second:
        equal = places.get(character, 0)
        diagonal = ((((equal & rises) + rises) ^ rises) | equal | falls) & every
        grows = falls | (every & ~(diagonal | rises))
        shrinks = diagonal & rises
        distance += bool(grows & last) - bool(shrinks & last)
        grows, shrinks = (grows << 1 | 1) & every, (shrinks << 1) & every
        rises, falls = shrinks | (every & ~(diagonal | grows)), grows & diagonal
    return distance


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
