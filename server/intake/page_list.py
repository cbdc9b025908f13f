"""The field `pages`: which pages of a document are read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.errors import BadPages, truncated
from server.settings.constraints import Schema

MOST_RANGES = 500

_RANGE = re.compile(r"([1-9][0-9]{0,6})(?:(-)([1-9][0-9]{0,6})?)?")
_PATTERN = (
    r"^ *[1-9][0-9]{0,6}(-([1-9][0-9]{0,6})?)?"
    r"( *, *[1-9][0-9]{0,6}(-([1-9][0-9]{0,6})?)?)* *$"
)


class PageList:
    """Pages and ranges, such as `1-3,7,10-`; BadPages if it is malformed. See Constraint."""

    def __call__(self, value: object) -> str:
        """The text, unless it is malformed."""
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str):
            raise BadPages(f"pages = {truncated(value)}: {_EXPECTED}")
        _ranges(text)
        return text

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "pattern": _PATTERN, "examples": ["1-3,7,10-"]}


def chosen_pages(text: str, count: int) -> Sequence[int]:
    """The pages, counted from 1, in ascending order; all if the text is empty.

    BadPages if the document has no such page. count: how many it has.
    """
    if not text:
        return range(1, count + 1)
    chosen: set[int] = set()
    for first, last in _ranges(text):
        if not 1 <= first <= (last or first) <= count:
            has = f"the document has {count} pages" if count != 1 else "there is only page 1"
            raise BadPages(f"pages = {truncated(text)}: {has}")
        chosen.update(range(first, (last or count) + 1))
    return sorted(chosen)


def _ranges(text: str) -> list[tuple[int, int | None]]:
    """First and last page of each range; None: the last one of the document."""
    parts = text.split(",")
    if len(parts) > MOST_RANGES:
        raise BadPages(f"pages has more than {MOST_RANGES} ranges")
    found = []
    for part in parts:
        match = _RANGE.fullmatch(part.strip(" "))
        first = int(match[1]) if match else 0
        last = None if match and match[2] and not match[3] else int((match and match[3]) or first)
        if not first or (last is not None and last < first):
            raise BadPages(f"pages = {truncated(text)}: {_EXPECTED}")
        found.append((first, last))
    return found


_EXPECTED = "expected pages and ranges from 1 on, such as 1-3,7,10-"
