"""The benchmark of upright numbers: what it takes for right, wrong, missing and turned."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from number_pages import Cell, digits, with_sign
from upright_numbers import outcome, texts_of_cells, verdict


@pytest.mark.parametrize(
    ("truth", "text", "expected"),
    [
        ("98", "98", "right"),
        ("98", "9 8", "right"),
        ("¥98", "￥98", "right"),
        ("98", "86", "TURNED"),
        ("6", "9", "TURNED"),
        ("69", "69", "right"),  # the same when turned
        ("99%", "%66", "TURNED"),
        ("98", "", "missing"),
        ("98", "B6", "wrong"),
    ],
)
def test_outcomes(truth: str, text: str, expected: str) -> None:
    assert outcome(truth, text) == expected


def test_a_line_belongs_to_the_cell_that_its_middle_is_in() -> None:
    cells = [Cell("89.6", (0, 0, 50, 20)), Cell("1", (50, 0, 100, 20)), Cell("0", (0, 20, 50, 40))]
    lines = [("6", (40.0, 10.0)), ("89.", (20.0, 9.0)), ("1", (50.0, 10.0))]
    assert texts_of_cells(cells, lines) == ["89.6", "1", ""]


@pytest.mark.parametrize(
    ("right", "turned", "official", "status"),
    [
        (1000, 0, None, 0),
        (997, 0, None, 0),
        (996, 0, None, 1),
        (996, 0, 996, 0),
        (996, 0, 997, 1),
        (999, 1, 990, 1),
    ],
)
def test_what_fails(right: int, turned: int, official: int | None, status: int) -> None:
    counted = Counter({"right": right, "TURNED": turned, "wrong": 1000 - right - turned})
    theirs = None if official is None else {"digits": Counter({"right": official})}
    assert verdict({"digits": counted, "all": counted}, theirs) == status


def test_most_numbers_can_be_turned() -> None:
    generator = random.Random(1)
    drawn = [digits(generator) for _ in range(2000)]
    assert {len(number) for number in drawn} == {1, 2, 3, 4, 5, 6}
    turnable = sum(set(number) <= set("01689") for number in drawn) / len(drawn)
    assert 0.7 < turnable < 0.85  # 0.7, and those of the rest that are so by chance
    assert all(set("%/-.,¥") & set(with_sign(generator)) for _ in range(100))
