"""Which lines are upside down, by their readings and by their page."""

from __future__ import annotations

import pytest

from ocr_engine.stages.orientation import (
    classifier_threshold,
    evidence,
    is_upside_down,
    reads_upright,
    telling,
    to_be_read_turned,
    turned_groups,
    upside_down,
)
from ocr_engine.stages.recognition import Reading

CAT, NUMBER, TURNED_NUMBER = Reading("cat", 0.99), Reading("98", 1.0), Reading("86", 1.0)
NONSENSE = Reading("ye", 0.6)


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [
        ("cat", 0.99, True),
        ("cat", 0.95, True),
        ("cat", 0.9499, False),
        ("ca", 0.99, True),
        ("c", 0.99, False),  # too few telling characters
        ("", 0.99, False),
        ("", 0.0, False),
        ("NOON", 1.0, False),  # the same when turned
        ("SOS 8196", 1.0, False),
        ("pod", 1.0, False),
        ("1,000.00", 1.0, False),
        ("No", 1.0, False),
        ("NOON c", 1.0, False),  # one letter is not enough
        ("NOON ct", 1.0, True),
        ("日田", 1.0, False),
        ("日门", 1.0, False),
        ("门店", 1.0, True),
        ("2025", 1.0, False),  # 2 and 5 look like themselves
        ("L980L", 1.0, False),  # 70867
        ("2034", 1.0, True),
    ],
)
def test_reads_upright(text: str, confidence: float, expected: bool) -> None:
    assert reads_upright(Reading(text, confidence)) is expected


def test_telling_characters() -> None:
    assert telling("98% of 743") == 4  # f 7 4 3
    assert telling("") == 0


@pytest.mark.parametrize(
    ("confidence", "threshold", "expected"),
    [
        (1.0, 0.9, None),
        (0.97, 0.9, None),
        (0.96, 0.9, 0.9),
        (0.8, 0.9, 0.9),
        (0.79, 0.9, 0.5),
        (0.79, 0.3, 0.3),  # never above the requested threshold
        (0.0, 0.9, 0.5),
    ],
)
def test_the_threshold_of_the_classifier(
    confidence: float, threshold: float, expected: float | None
) -> None:
    assert classifier_threshold(Reading("98", confidence), threshold) == expected


def test_the_classifier_is_not_asked_about_what_can_only_be_upright() -> None:
    assert classifier_threshold(Reading("cat", 0.95), 0.9) is None


@pytest.mark.parametrize(
    ("upright", "turned", "expected"),
    [
        (CAT, None, -3),
        (NUMBER, None, 0),
        (NUMBER, TURNED_NUMBER, 0),
        (NONSENSE, CAT, 3),
        (Reading("vet", 0.98), CAT, 3),
        (NONSENSE, Reading("cat", 0.94), 0),  # neither makes sense
        (CAT, Reading("vet", 0.98), -3),
        (Reading("981", 0.85), Reading("186", 0.96), 1),
        (Reading("981", 0.87), Reading("186", 0.96), 0),  # not clearly more confident
        (Reading("186", 0.96), Reading("981", 0.85), -1),
        (Reading("6", 0.5), Reading("9", 1.0), 0),  # one digit says nothing
        (Reading("品", 0.5), Reading("店", 1.0), 1),
        (Reading("", 0.0), Reading("", 0.0), 0),
    ],
)
def test_what_a_line_says_about_its_page(
    upright: Reading, turned: Reading | None, expected: int
) -> None:
    assert evidence(upright, turned) == expected


@pytest.mark.parametrize(
    ("upright", "turned", "alone", "in_a_turned_group"),
    [
        (NUMBER, TURNED_NUMBER, False, True),
        (Reading("98", 0.999), TURNED_NUMBER, False, True),
        (Reading("98", 0.5), Reading("86", 0.94), False, True),
        (Reading("98", 0.6), TURNED_NUMBER, False, True),  # no matter how confident when turned
        (Reading("uso", 0.6), Reading("Lumisol", 1.0), True, True),  # not a number
        (Reading("poom", 0.98), Reading("wood", 1.0), False, True),
        (Reading("41", 0.85), Reading("17", 0.96), True, True),
        (Reading("41", 0.87), Reading("17", 0.96), False, True),
        (NUMBER, Reading("86", 0.91), False, True),
        (NUMBER, Reading("86", 0.89), False, False),  # clearly more confident upright
        (
            Reading("9", 1.0),
            Reading("6", 0.7),
            False,
            True,
        ),  # the readings of a single digit decide nothing
        (Reading("9", 1.0), Reading("", 0.0), False, False),
        (NONSENSE, CAT, True, True),
        (NONSENSE, Reading("cat", 0.61), True, True),
        (NONSENSE, Reading("cat", 0.59), False, True),
        (CAT, Reading("vet", 0.989), False, False),  # can only be upright
        (Reading("vet", 0.98), CAT, True, True),
    ],
)
def test_a_reading_is_replaced_by_a_more_confident_one_or_by_its_page(
    upright: Reading, turned: Reading, alone: bool, in_a_turned_group: bool
) -> None:
    assert is_upside_down(upright, turned, False) is alone
    assert is_upside_down(upright, turned, True) is in_a_turned_group


def test_an_upright_page_keeps_its_numbers() -> None:
    upright = [CAT, NUMBER, Reading("6", 0.9)]
    turned = {2: Reading("9", 0.96)}
    vertical = [False] * 3
    assert to_be_read_turned(upright, turned, vertical) == []
    assert upside_down(upright, turned, vertical) == []


def test_a_page_without_evidence_keeps_its_numbers() -> None:
    upright, vertical = [NUMBER, Reading("6", 0.9)], [False] * 2
    assert to_be_read_turned(upright, {1: Reading("9", 0.96)}, vertical) == []
    assert upside_down(upright, {1: Reading("9", 0.96)}, vertical) == []


def test_a_number_that_reads_much_better_turned_needs_another_one() -> None:
    upright, turned = [Reading("66", 0.6)] * 2, {0: Reading("99", 1.0), 1: Reading("99", 1.0)}
    assert upside_down(upright[:1], {0: turned[0]}, [False]) == []
    assert upside_down(upright, turned, [False] * 2) == [0, 1]


def test_numbers_turn_with_their_page() -> None:
    upright = [NONSENSE, NUMBER, Reading("9", 1.0), Reading("844", 0.99)]
    vertical = [False, False, False, False]
    turned = {0: Reading("category", 0.99)}
    assert to_be_read_turned(upright, turned, vertical) == [1, 2, 3]
    turned |= {1: TURNED_NUMBER, 2: Reading("6", 0.99), 3: Reading("448", 1.0)}
    assert upside_down(upright, turned, vertical) == [0, 1, 2, 3]


def test_the_heavier_lines_decide() -> None:
    turned = {0: CAT}
    assert turned_groups([NONSENSE, NUMBER, Reading("ab", 1.0)], turned, [False] * 3) == {False}
    assert turned_groups([NONSENSE, NUMBER, Reading("key", 1.0)], turned, [False] * 3) == set()


def test_numbers_that_read_clearly_worse_turned_outvote_others() -> None:
    upright = [Reading("7.", 0.6), Reading("66", 0.8), Reading("118", 1.0), Reading("101", 1.0)]
    turned = {0: Reading(".L", 0.99), 1: Reading("99", 1.0)}
    vertical = [False] * 4
    assert to_be_read_turned(upright, turned, vertical) == [2, 3]
    turned |= {2: Reading("81", 0.8), 3: Reading("10", 0.8)}
    assert turned_groups(upright, turned, vertical) == set()


def test_vertical_and_horizontal_lines_decide_separately() -> None:
    upright = [CAT, NUMBER, NONSENSE, NUMBER]
    vertical = [False, False, True, True]
    turned = {2: CAT}
    assert turned_groups(upright, turned, vertical) == {True}
    assert to_be_read_turned(upright, turned, vertical) == [3]
    assert upside_down(upright, turned | {3: TURNED_NUMBER}, vertical) == [2, 3]


def test_a_digit_with_a_vertical_box_turns_with_the_horizontal_lines() -> None:
    upright, vertical = [NONSENSE, Reading("9", 1.0)], [False, True]
    turned = {0: CAT}
    assert to_be_read_turned(upright, turned, vertical) == [1]
    assert upside_down(upright, turned | {1: Reading("6", 1.0)}, vertical) == [0, 1]


def test_a_vertical_line_with_little_text_is_not_a_digit() -> None:
    upright, vertical = [NONSENSE, Reading("法", 0.3), NUMBER], [True, True, False]
    turned = {0: CAT}
    assert to_be_read_turned(upright, turned, vertical) == [1]
    turned[1] = Reading("夜间专送", 1.0)
    assert turned_groups(upright, {1: turned[1]}, vertical) == {True}
    assert upside_down(upright, turned, vertical) == [0, 1]
