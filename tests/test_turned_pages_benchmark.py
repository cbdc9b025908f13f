"""The benchmark of turned pages: what it counts, and when it fails."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from PIL import Image
from turned_pages import UPRIGHT, Counts, add, same_order, verdict
from whole_pages import WholePage

from ocr_engine.geometry import LevelBox
from ocr_engine.result import Line, Page
from tests.support.made_pages import image_document


def read_as(*lines: str, angle: int = 0) -> Page:
    found = [Line(text, 1.0, LevelBox(0, 0, 9, 9).quad) for text in lines]
    return image_document(10, 10, found, angle=angle).pages[0]


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (["a b", "c", "d"], True),
        (["ab", "d"], True),  # a lost line does not change the order
        (["c", "ab", "d"], False),
        (["ab", "c", "c", "d"], True),  # it is not known which one
    ],
)
def test_order(found: list[str], same: bool) -> None:
    assert same_order(["ab", "c", "d"], found) is same


def counted(kind: str, direction: str, found: Page, angle: int) -> Counts:
    counts: Counts = defaultdict(lambda: defaultdict(Counter))
    page = WholePage(kind, Image.new("RGB", (10, 10)), ("x" * 198, "yz"))
    add(counts, direction, page, found, angle, read_as("x" * 198, "yz"), listed=False)
    return counts


@pytest.mark.parametrize(
    ("kind", "direction", "found", "angle", "status"),
    [
        ("mixed", "90", read_as("x" * 198, "yz", angle=90), 90, 0),
        ("mixed", "90", read_as("x" * 198, "y", angle=90), 90, 0),  # 0.995
        ("mixed", "90", read_as("x" * 198, angle=90), 90, 1),
        ("numbers", "90", read_as("x" * 9), 90, 0),
        ("mixed", UPRIGHT, read_as("x" * 198, "yz"), 0, 0),
        ("numbers", UPRIGHT, read_as("x" * 198, "yz", angle=180), 0, 1),
    ],
)
def test_what_fails(kind: str, direction: str, found: Page, angle: int, status: int) -> None:
    assert verdict(counted(kind, direction, found, angle)) == status


def test_counts() -> None:
    count = counted("mixed", "90", read_as("yz", "x" * 198, angle=270), 90)["90"]["mixed"]
    assert count == {"wrong": 4, "characters": 200, "pages": 1}
