"""Decides which lines are upside down, from their readings both ways and from the other lines.

The classifier only selects lines worth reading rotated by 180 degrees. The two readings of a line
decide if its characters show which way is up. Numbers such as 98 read just as well rotated (86), so
they follow the other lines of their page (decisions/0025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_engine.stages.recognition import SURE, Reading

READS_WELL = 0.95  # confidence of a reading that makes sense
BADLY_READ = 0.8  # below it, a reading makes no sense
LIKELIER = 0.5  # classifier threshold for a line that makes no sense
CLEAR_LEAD = 0.1  # by which one of two readings is clearly more confident
TELLING_CHARACTERS = 2  # needed to decide which way is up
TURNABLE = frozenset(
    " 0125689BHILNOQSWXZMbdilmnopqsuwxz|-_=+~*%/\\()[]<>.,:;'\"!?·…—“”‘’、。，"
    "一二三十中日田口目王回工米申由甲吕串品旦əΛ⊥τ"
)  # read as themselves or as other characters when rotated


def telling(text: str) -> int:
    """The number of characters that show which way is up."""
    return sum(character not in TURNABLE for character in text)


def reads_upright(reading: Reading) -> bool:
    """Whether an upright reading is certain: an upside-down line could not give it."""
    return reading.confidence >= READS_WELL and telling(reading.text) >= TELLING_CHARACTERS


def classifier_threshold(reading: Reading, threshold: float) -> float | None:
    """The probability (0 to 1) above which the classifier's verdict "rotated" is followed up.

    None for a line that reads well: if it also makes sense rotated, only its page can decide.
    """
    if reads_upright(reading) or reading.confidence >= SURE:
        return None
    return threshold if reading.confidence >= BADLY_READ else min(LIKELIER, threshold)


def evidence(upright: Reading, turned: Reading | None) -> int:
    """A line's vote on its page: positive for upside down, negative for upright.

    The weight is the number of telling characters in the more confident reading, at least 1. With
    fewer than two, the line votes only if the other reading is clearly worse. A single
    character that upside down looks like another one (TURNABLE), such as 6, never votes.
    """
    if turned is None:
        return -telling(upright.text) if reads_upright(upright) else 0
    stronger, sign = (turned, 1) if turned.confidence > upright.confidence else (upright, -1)
    if stronger.confidence < READS_WELL:
        return 0
    weight = telling(stronger.text)
    clear = abs(turned.confidence - upright.confidence) >= CLEAR_LEAD
    if weight >= TELLING_CHARACTERS or (clear and not _tells_nothing(stronger)):
        return sign * max(weight, 1)
    return 0


def turned_groups(
    upright: Sequence[Reading], turned: Mapping[int, Reading], vertical: Sequence[bool]
) -> set[bool]:
    """Which groups of lines, horizontal (False) or vertical (True), are upside down.

    One upside-down line with telling characters decides for its group, and so do two lines that
    merely read clearly better rotated.
    turned: the rotated readings, by line index, of the lines that have one.
    """
    balance = {False: 0, True: 0}
    for index, reading in enumerate(upright):
        other = turned.get(index)
        balance[_group(reading, other, vertical[index])] += evidence(reading, other)
    return {group for group, weight in balance.items() if weight >= TELLING_CHARACTERS}


def to_be_read_turned(
    upright: Sequence[Reading], turned: Mapping[int, Reading], vertical: Sequence[bool]
) -> list[int]:
    """The lines still to be read rotated, because their group is upside down."""
    groups = turned_groups(upright, turned, vertical)
    return [
        index
        for index, reading in enumerate(upright)
        if index not in turned
        and groups & {vertical[index], _group(reading, None, vertical[index])}
    ]


def upside_down(
    upright: Sequence[Reading], turned: Mapping[int, Reading], vertical: Sequence[bool]
) -> list[int]:
    """The lines whose rotated reading replaces the upright one."""
    groups = turned_groups(upright, turned, vertical)
    return [
        index
        for index, reading in turned.items()
        if is_upside_down(
            upright[index], reading, _group(upright[index], reading, vertical[index]) in groups
        )
    ]


def is_upside_down(upright: Reading, turned: Reading, group_is: bool) -> bool:
    """Whether a line is upside down, given whether its group is.

    The more confident reading is right, with two exceptions. In a group that is upside down, a
    line is too if its upright reading is not certain and the turned one is as confident, or nearly
    so, or if both are a single character that can be read either way up. A number whose digits can
    all be read either way up is rotated only with its group.
    """
    lead = turned.confidence - upright.confidence
    if group_is and not reads_upright(upright):
        return lead > -CLEAR_LEAD or (_tells_nothing(upright) and _tells_nothing(turned))
    if group_is or telling(turned.text) >= TELLING_CHARACTERS:
        return lead > 0
    return evidence(upright, turned) > 0 and not _is_number(turned.text)


def _is_number(text: str) -> bool:
    """Whether the text has no telling character and fewer than two letters."""
    return telling(text) == 0 and sum(map(str.isalpha, text)) < 2


def _tells_nothing(reading: Reading) -> bool:
    """Whether the text is a single turnable character, which often reads better upside down."""
    return len(reading.text) == 1 and reading.text in TURNABLE


def _group(upright: Reading, turned: Reading | None, vertical: bool) -> bool:
    """Whether a line belongs to the vertical lines.

    A single character does not: its box is vertical because a digit is higher than wide.
    """
    return vertical and any(reading and len(reading.text) > 1 for reading in (upright, turned))
