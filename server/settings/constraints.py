"""Constraints on the values of settings and request fields; each also has a JSON Schema.

A constraint takes a JSON value, or text from a form or the environment. It returns the converted
value, or raises ValueError with what would be accepted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Schema = dict[str, Any]

# Unlike float() and int(), this accepts no digits outside ASCII, no underscores and no blanks.
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MAX_DIGITS = 64

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}
_FLAG_WORDS = [*("true", "false", "True", "False", "yes", "no", "on", "off", "1", "0"), 1, 0]


class Constraint(Protocol):
    """Checks and converts one value; see the module."""

    def __call__(self, value: Any) -> Any:
        """The converted value; ValueError says what would be accepted."""

    def schema(self) -> Schema:
        """The JSON Schema of accepted values, for the API's description and the docs."""


@dataclass(frozen=True, slots=True)
class Text:
    """A non-empty string."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or not value:
            raise ValueError("expected a non-empty string")
        return value

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean, also as text, or as 1 or 0."""

    def __call__(self, value: Any) -> bool:
        """See Constraint."""
        text = str(value).lower()
        if isinstance(value, bool | str | int) and text in _TRUE | _FALSE:
            return text in _TRUE
        raise ValueError("expected true or false")

    def schema(self) -> Schema:
        """See Constraint."""
        return {"anyOf": [{"type": "boolean"}, {"enum": _FLAG_WORDS}]}


@dataclass(frozen=True, slots=True)
class FalseOnly:
    """A flag of the legacy API that must be false; reason: why."""

    reason: str

    def __call__(self, value: Any) -> bool:
        """See Constraint."""
        if Flag()(value):
            raise ValueError(f"{self.reason}; remove the key or set it to false")
        return False

    def schema(self) -> Schema:
        """See Constraint."""
        return {"const": False, "description": self.reason}


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number from low to high."""

    low: float
    high: float

    def __call__(self, value: Any) -> float:
        """See Constraint."""
        return _number(value, self.low, self.high, "number")

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "number", "minimum": float(self.low), "maximum": float(self.high)}


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """An integer from low to high."""

    low: int
    high: int

    def __call__(self, value: Any) -> int:
        """See Constraint."""
        number = _number(value, self.low, self.high, "integer")
        if number != int(number):
            raise ValueError(_range("integer", self.low, self.high))
        return int(number)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Choice:
    """One of several words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if value not in self.words:
            raise ValueError(f"expected one of {', '.join(self.words)}")
        return str(value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "enum": list(self.words)}


class SeveralOf:
    """Several of these words: text with commas between them, or a list.

    Returned once each, in the order of `words`.
    """

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint."""
        given = [word.strip(" ") for word in value.split(",")] if isinstance(value, str) else value
        if not isinstance(given, list | tuple) or not all(word in self.words for word in given):
            raise ValueError(f"expected some of {', '.join(self.words)}, separated by commas")
        return tuple(word for word in self.words if word in given)

    def schema(self) -> Schema:
        """See Constraint; a list of the words is accepted, too."""
        words = "|".join(self.words)
        return {"type": "string", "pattern": f"^({words})(,({words}))*$"}


@dataclass(frozen=True, slots=True)
class Nullable:
    """Null, or a value that the other constraint accepts."""

    other: Constraint

    def __call__(self, value: Any) -> Any:
        """See Constraint."""
        return None if value is None else self.other(value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"anyOf": [self.other.schema(), {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class FilePath:
    """The path of a file or folder."""

    def __call__(self, value: Any) -> Path:
        """See Constraint."""
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError("expected a path as a string, or null")
        return Path(value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class FileMode:
    """The permissions of a file, as text in octal: "660"."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or not re.fullmatch("0?[0-7]{3}", value):
            raise ValueError('expected three octal digits as a string, such as "660"')
        return value

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "pattern": "^0?[0-7]{3}$"}


@dataclass(frozen=True, slots=True)
class PathList:
    """A list of paths; separated by colons in the environment."""

    def __call__(self, value: Any) -> tuple[Path, ...]:
        """See Constraint."""
        entries = value.split(":") if isinstance(value, str) else value
        if not isinstance(entries, list) or not all(isinstance(e, str) and e for e in entries):
            raise ValueError('expected a list of folders, such as ["./imgs"]')
        return tuple(Path(entry) for entry in entries)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "minLength": 1}}


@dataclass(frozen=True, slots=True)
class ImageShape:
    """Channels, height, width in pixels: [3, 48, 320] or "3, 48, 320"."""

    def __call__(self, value: Any) -> tuple[int, int, int]:
        """See Constraint."""
        entries = value.split(",") if isinstance(value, str) else value
        try:
            channels, height, width = (_whole(entry) for entry in entries)
        except (TypeError, ValueError):
            raise ValueError('expected channels, height, width, such as "3, 48, 320"') from None
        if channels != 3 or not 8 <= height <= 1024 or not 8 <= width <= 4096:
            raise ValueError(
                "expected 3 channels, height 8 to 1024 and width 8 to 4096 pixels, such as "
                '"3, 48, 320"'
            )
        return channels, height, width

    def schema(self) -> Schema:
        """See Constraint."""
        sides = (WholeNumber(8, 1024).schema(), WholeNumber(8, 4096).schema())
        return {
            "type": "array",
            "prefixItems": [{"const": 3}, *sides],
            "minItems": 3,
            "maxItems": 3,
        }


def _number(value: Any, low: float, high: float, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(_range(kind, low, high))
    if isinstance(value, str) and not _is_decimal(value):
        raise ValueError(_range(kind, low, high))
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(_range(kind, low, high)) from None
    if not low <= number <= high:  # also NaN
        raise ValueError(_range(kind, low, high))
    return number


def _is_decimal(text: str) -> bool:
    return len(text) <= _MAX_DIGITS and _DECIMAL.fullmatch(text) is not None


def _whole(entry: Any) -> int:
    """The integer of an element in a list, which may have blanks around it."""
    if isinstance(entry, str) and not _is_decimal(entry.strip(" ")):
        raise ValueError
    return int(entry)


def _range(kind: str, low: float, high: float) -> str:
    limits = f"{low} to {high}" if kind == "integer" else f"{low:g} to {high:g}"
    article = "an" if kind == "integer" else "a"
    return f"expected {article} {kind} from {limits}"


def check_distinct(names: Sequence[str]) -> None:
    """ValueError if a name is given twice."""
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ValueError(f"the name {repeated} is given twice")
