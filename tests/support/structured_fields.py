"""Reads lists of strings with parameters (RFC 9651), strictly: what RateLimit headers are."""

from __future__ import annotations

import re

_ITEM = re.compile(
    r'"([ !#-\[\]-~]*)"((?:;[a-z*][a-z0-9_.*-]*=(?:-?[0-9]{1,15}|"[ !#-\[\]-~]*"))*)'
)
_PARAMETER = re.compile(r';([a-z*][a-z0-9_.*-]*)=(?:(-?[0-9]+)|"([^"]*)")')

Parameters = dict[str, int | str]


def string_items(header: str) -> dict[str, Parameters]:
    """The items by their string, each with its parameters; ValueError if it is no such list."""
    items: dict[str, Parameters] = {}
    position = 0
    while True:
        found = _ITEM.match(header, position)
        if found is None or found[1] in items:
            raise ValueError(f"{header!r} at {position}")
        items[found[1]] = {
            name: int(number) if number else text
            for name, number, text in _PARAMETER.findall(found[2])
        }
        position = found.end()
        if position == len(header):
            return items
        comma = re.compile(r"[ \t]*,[ \t]*").match(header, position)
        if comma is None:
            raise ValueError(f"{header!r} at {position}")
        position = comma.end()
