"""Joins the lines of a paragraph: without the line ends and hyphens that only its width made."""

from __future__ import annotations

from collections.abc import Iterable

from ocr_engine.stages.words import stands_alone

_SOFT_HYPHEN = "\xad"
_HYPHENS = ("-", "\u2010", _SOFT_HYPHEN)
_CLOSING = frozenset(",.;:!?)]}%")  # no space before these
_SHARED = frozenset("“”‘’—…·")  # punctuation that Chinese writes as wide as a character


def joined(lines: Iterable[str]) -> str:
    """One text of the lines.

    There is no space between two characters of scripts without spaces, after a hyphen or before
    closing punctuation. A hyphen at the end of a line is removed before a lower-case letter.
    """
    text = ""
    for line in lines:
        line = line.strip()
        if not line:
            continue
        if text.endswith(_HYPHENS) and _is_broken(text, line):
            text = text[:-1] + line
        else:
            text += gap(text, line) + line
    return text


def _is_broken(before: str, after: str) -> bool:
    """Whether the hyphen at the end of a line only divides a word."""
    if before.endswith(_SOFT_HYPHEN):
        return True
    return before[-2:-1].isalpha() and after[0].islower()


def gap(before: str, after: str) -> str:
    """The space between two lines of a paragraph, or none; neither text is empty."""
    if not before or (after[0] in _CLOSING and not after[1:2].isalnum()):
        return ""
    last, first = before[-1], after[0]
    if last in _HYPHENS and before[-2:-1].isalnum():
        return ""
    wide_last, wide_first = stands_alone(last), stands_alone(first)
    if wide_last and wide_first:
        return ""
    if (wide_last and first in _SHARED) or (wide_first and last in _SHARED):
        return ""
    return "" if _is_wide_mark(last) or _is_wide_mark(first) else " "


def _is_wide_mark(character: str) -> bool:
    """Whether it is punctuation of Chinese or Japanese, which has its own space."""
    return stands_alone(character) and not character.isalnum()
