"""The kinds of pages of the layout set, and the pages of each half."""

from __future__ import annotations

from collections.abc import Callable

from hard_set.classes import Half, random_of
from hard_set.words import Random
from layout_set import columns, slips, tables, upright
from layout_set.debian_pages import draw_debian
from layout_set.office_pages import draw_office
from layout_set.sheet import OfficeSheet, Sheet

Draw = Callable[[Random, int], Sheet]

PAGES_OF_A_KIND = 20
MOST_DEGREES = 3.0


def _turned(random: Random, number: int) -> Sheet:
    """A page of another kind, rotated by half a degree to MOST_DEGREES."""
    draw = _TURNED[number % len(_TURNED)]
    degrees = float(random.uniform(0.5, MOST_DEGREES)) * (1 if random.random() < 0.5 else -1)
    return draw(random, number // len(_TURNED)).turned(degrees)


_INVENTED: dict[str, Draw] = {
    "one column": lambda random, number: columns.draw_columns(random, number, 1),
    "two columns": lambda random, number: columns.draw_columns(random, number, 2),
    "three columns": lambda random, number: columns.draw_columns(random, number, 3),
    "headings across": columns.draw_headings,
    "insets": columns.draw_insets,
    "captions": columns.draw_captions,
    "lists": columns.draw_lists,
    "receipts": slips.draw_receipt,
    "forms": slips.draw_form,
    "ruled tables": tables.draw_ruled_table,
    "unruled tables": tables.draw_unruled_table,
    "tables in columns": tables.draw_tables_in_columns,
    "vertical Chinese": lambda random, number: upright.draw_vertical(random, number, "zh"),
    "vertical Japanese": lambda random, number: upright.draw_vertical(random, number, "ja"),
    "mixed directions": upright.draw_mixed,
    "turned": _turned,
}
_DEBIAN = {"Debian, one column": 1, "Debian, two columns": 2, "Debian, three columns": 3}
OFFICE = "LibreOffice"
KINDS = (*_INVENTED, *_DEBIAN, OFFICE)
_TURNED = [
    _INVENTED[name]
    for name in (
        "two columns",
        "three columns",
        "headings across",
        "lists",
        "receipts",
        "captions",
        "ruled tables",
        "unruled tables",
    )
]


def needs_debian(kind: str) -> bool:
    """Whether the text of this kind is Debian's documentation."""
    return kind in _DEBIAN or kind == OFFICE


def sheet(kind: str, half: Half, number: int) -> Sheet | OfficeSheet:
    """The page of this number of a kind, from 0; always the same."""
    random = random_of(kind, half, number)
    if kind == OFFICE:
        return draw_office(random, number, half)
    if kind in _DEBIAN:
        return draw_debian(random, number, _DEBIAN[kind], half)
    return _INVENTED[kind](random, number)
