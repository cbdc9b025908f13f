"""The field `pages`."""

from __future__ import annotations

import pytest

from server.errors import BadPages
from server.intake.page_list import PageList, chosen_pages


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("2", [2]),
        ("1-3, 5", [1, 2, 3, 5]),
        ("5-", [5, 6]),
        ("6,1,2-3,3", [1, 2, 3, 6]),
    ],
)
def test_pages_are_chosen_in_order(text: str, pages: list[int]) -> None:
    assert list(chosen_pages(text, 6)) == pages


@pytest.mark.parametrize("text", ["7", "1-7", "7-", "9999999-"])
def test_pages_that_are_not_there_are_refused(text: str) -> None:
    with pytest.raises(BadPages, match="the document has 6 pages"):
        chosen_pages(text, 6)


@pytest.mark.parametrize("text", ["0", "a", "3-1", "-3", "1,,2", "1--2", "12345678", "1,", "-"])
def test_malformed_lists_are_refused(text: str) -> None:
    with pytest.raises(BadPages, match="such as 1-3,7,10-"):
        PageList()(text)


def test_a_number_is_a_page() -> None:
    assert PageList()(3) == "3"
    with pytest.raises(BadPages):
        PageList()(True)
