"""The markers of list items: bullets, numbers and letters at the beginning of a line."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_BULLETS = "•●▪■◆◇○◦‣∙·"
_CHINESE = "一二三四五六七八九十"
_MARKER = re.compile(
    rf"""\s*(?:
    (?P<bullet>[{_BULLETS}])
    | (?P<dash>[-–—*+](?![-–—*+\d]))
    | (?P<circled>[①-⑳])
    | (?P<open>[(（])?
      (?: (?P<number>\d{{1,3}}) | (?P<letter>[a-z]) | (?P<chinese>[{_CHINESE}]{{1,3}}) )
      (?P<close>[.)、．）]) (?!\d)
    )\s*""",
    re.VERBOSE,
)


class Marker(NamedTuple):
    """A marker; ordinal: its place in the list, None for bullets."""

    kind: str
    ordinal: int | None


def marker_of(text: str) -> Marker | None:
    """The marker with which a text begins, if it does."""
    found = _MARKER.match(text)
    if found is None:
        return None
    if found["bullet"]:
        return Marker(found["bullet"], None)
    if found["dash"]:
        return Marker("-" if found["dash"] in "–—" else found["dash"], None)
    if found["circled"]:
        return Marker("circled", ord(found["circled"]) - ord("①") + 1)
    close = unicodedata.normalize("NFKC", found["close"])  # the other bracket may not be read
    if found["number"]:
        return Marker(f"1{close}", int(found["number"]))
    if found["letter"]:
        return Marker(f"a{close}", ord(found["letter"]))
    return Marker(f"一{close}", _chinese(found["chinese"]))


def marked_part(text: str) -> str:
    """The marker with which a text begins, and the spaces after it; empty if there is none."""
    found = _MARKER.match(text)
    return found[0] if found else ""


def is_marker(text: str) -> bool:
    """Whether a text is a marker and nothing else."""
    found = _MARKER.fullmatch(text)
    return found is not None


def markers_of_lists(texts: Sequence[str]) -> list[Marker | None]:
    """The markers of the texts of an area.

    A number or letter counts only if the one before or after it is there, too, and a dash only if
    there are several.
    """
    markers = [marker_of(text) for text in texts]
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, marker in enumerate(markers):
        if marker is not None:
            places[marker.kind].append(place)
    kept: list[Marker | None] = [None] * len(texts)
    for kind, found in places.items():
        if kind in _BULLETS or (kind in "-*+" and len(found) > 1):
            sure = set(found)
        else:
            sure = {
                place
                for before, after in pairwise(found)
                if _follows(markers[before], markers[after])
                for place in (before, after)
            }
        for place in sure:
            kept[place] = markers[place]
    return kept


def _follows(before: Marker | None, after: Marker | None) -> bool:
    return (
        before is not None
        and after is not None
        and before.ordinal is not None
        and after.ordinal == before.ordinal + 1
    )


def _chinese(numeral: str) -> int:
    """The value of a Chinese numeral up to 99."""
    tens, ten, ones = numeral.rpartition("十")
    value = _CHINESE.index(ones[0]) + 1 if ones else 0
    if not ten:
        return value
    return value + 10 * (_CHINESE.index(tens[0]) + 1 if tens else 1)
