"""Which lines are upside down, judged by how they read both ways and by the lines beside them.

The classifier only says which lines are worth reading turned by 180 degrees. A line's own readings
decide where its characters tell up from down; numbers such as 98 read as well turned (86), so they
follow the other lines of their page (decisions/0025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_engine.stages.recognition import SURE, Reading

READS_WELL = 0.95  # a reading that makes sense
BADLY_READ = 0.8  # a reading that makes none
LIKELIER = 0.5  # how sure the classifier must be of a line that makes no sense
CLEAR_LEAD = 0.1  # by which one of two readings is clearly the surer one
TELLING_CHARACTERS = 2  # that a text needs to tell up from down
TURNABLE = frozenset(
    " 0125689BHILNOQSWXZMbdilmnopqsuwxz|-_=+~*%/\\()[]<>.,:;'\"!?·…—“”‘’、。，"
    "一二三十中日田口目王回工米申由甲吕串品旦əΛ⊥τ"
)  # themselves or other characters when turned, or what turned ones are read as


def telling(text: str) -> int:
    """How many characters tell up from down."""
    return sum(character not in TURNABLE for character in text)


def reads_upright(reading: Reading) -> bool:
    """Whether an upright reading is sure, and could not be that of an upside-down line."""
    return reading.confidence >= READS_WELL and telling(reading.text) >= TELLING_CHARACTERS


def suspicion(reading: Reading, threshold: float) -> float | None:
    """The probability (0 to 1) above which the classifier is believed that the line is turned.

    None for a line that surely reads well: if it makes sense turned, too, only its page can tell.
    """
    if reads_upright(reading) or reading.confidence >= SURE:
        return None
    return threshold if reading.confidence >= BADLY_READ else min(LIKELIER, threshold)


def evidence(upright: Reading, turned: Reading | None) -> int:
    """What a line says about its page: above 0 that it is upside down, below 0 that it is not.

    The weight is the number of telling characters of the surer reading. A text without two of
    them counts if the other reading is clearly worse, but never a single turnable character.
    """
    if turned is None:
        return -telling(upright.text) if reads_upright(upright) else 0
    surer, sign = (turned, 1) if turned.confidence > upright.confidence else (upright, -1)
    if surer.confidence < READS_WELL:
        return 0
    weight = telling(surer.text)
    clear = abs(turned.confidence - upright.confidence) >= CLEAR_LEAD
    if weight >= TELLING_CHARACTERS or (clear and not _tells_nothing(surer)):
        return sign * max(weight, 1)
    return 0


def turned_groups(
    upright: Sequence[Reading], turned: Mapping[int, Reading], vertical: Sequence[bool]
) -> set[bool]:
    """Of the lying (False) and the standing (True) lines, those that are upside down as a group.

    That takes one line that tells up from down, or two that only read clearly better turned.
    turned: the turned readings of those lines that were read turned, by their index.
    """
    balance = {False: 0, True: 0}
    for index, reading in enumerate(upright):
        other = turned.get(index)
        balance[_group(reading, other, vertical[index])] += evidence(reading, other)
    return {group for group, weight in balance.items() if weight >= TELLING_CHARACTERS}


def to_be_read_turned(
    upright: Sequence[Reading], turned: Mapping[int, Reading], vertical: Sequence[bool]
) -> list[int]:
    """The lines that must be read turned, too, since the others of their group are upside down."""
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
    """The lines whose turned reading replaces the upright one."""
    groups = turned_groups(upright, turned, vertical)
    return [
        index
        for index, reading in turned.items()
        if is_upside_down(
            upright[index], reading, _group(upright[index], reading, vertical[index]) in groups
        )
    ]


def is_upside_down(upright: Reading, turned: Reading, group_is: bool) -> bool:
    """Whether a line is upside down, if the lines of its group are or are not.

    Only a surer reading replaces another, except that the group decides where neither is clearly
    surer or both are a single turnable character, unless the upright one can only be upright.
    A number of turnable digits is turned with its group only.
    """
    lead = turned.confidence - upright.confidence
    if group_is and not reads_upright(upright):
        return lead > -CLEAR_LEAD or (_tells_nothing(upright) and _tells_nothing(turned))
    if group_is or telling(turned.text) >= TELLING_CHARACTERS:
        return lead > 0
    return evidence(upright, turned) > 0 and not _is_number(turned.text)


def _is_number(text: str) -> bool:
    """Whether it has no telling character and no word, of two letters or more."""
    return telling(text) == 0 and sum(map(str.isalpha, text)) < 2


def _tells_nothing(reading: Reading) -> bool:
    """Whether it is a single turnable character; such a one is often surer when turned wrongly."""
    return len(reading.text) == 1 and reading.text in TURNABLE


def _group(upright: Reading, turned: Reading | None, vertical: bool) -> bool:
    """Whether a line belongs to the standing lines.

    A single character does not: its box stands because a digit is higher than it is wide.
    """
    return vertical and any(reading and len(reading.text) > 1 for reading in (upright, turned))
