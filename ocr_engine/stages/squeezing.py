"""Decides whether a line's squeezed reading suffices, and which of two readings is kept.

A squeezed line costs less, and long lines of words read no worse. Codes such as `B0O1-5S` have no
context that would tell O from 0, so they are always read at full width (decisions/0040).
"""

from __future__ import annotations

import re

from ocr_engine.stages.recognition import SURE, Reading

SURE_CHARACTER = 0.9  # a line's mean hides a single doubtful character
_CODE = re.compile("[A-Za-z][0-9]|[0-9][A-Za-z]")


def is_code(text: str) -> bool:
    """Whether letters and digits are mixed in a word."""
    return _CODE.search(text) is not None


def suffices(squeezed: Reading) -> bool:
    """Whether a line need not be read at full width."""
    return (
        squeezed.confidence >= SURE
        and squeezed.lowest >= SURE_CHARACTER
        and not is_code(squeezed.text)
    )


def better(squeezed: Reading, full: Reading) -> Reading:
    """The more confident reading; the one at full width if either is a code.

    If the readings differ in spaces only, the one with more spaces: the model skips spaces rather
    than invents them, and a doubtful space that is skipped does not lower the confidence.
    """
    if squeezed.text != full.text and _joined(squeezed.text) == _joined(full.text):
        return max(full, squeezed, key=lambda reading: reading.text.count(" "))
    if is_code(squeezed.text) or is_code(full.text):
        return full
    return max(full, squeezed, key=lambda reading: reading.confidence)


def _joined(text: str) -> str:
    return text.replace(" ", "")
