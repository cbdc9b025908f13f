"""What a setting may be: each check takes a JSON value, or text from the environment.

A check returns the converted value or raises ValueError with what would be right.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Check = Callable[[Any], Any]

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


def a_string(value: Any) -> str:
    """Any text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text in quotes")
    return value


def a_flag(value: Any) -> bool:
    """True or false, also as text or 1 and 0."""
    text = str(value).lower()
    if isinstance(value, bool | str | int) and text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError("expected true or false")


def a_whole_number(low: int, high: int) -> Check:
    """A whole number from low to high."""
    wanted = f"expected a whole number from {low} to {high}"

    def check(value: Any) -> int:
        number = _number(value, low, high, wanted)
        if number != int(number):
            raise ValueError(wanted)
        return int(number)

    return check


def nothing_or(check: Check) -> Check:
    """Null, or what the check accepts."""
    return lambda value: None if value is None else check(value)


def a_number(low: float, high: float) -> Check:
    """A number from low to high."""
    wanted = f"expected a number from {low:g} to {high:g}"
    return lambda value: _number(value, low, high, wanted)


def _number(value: Any, low: float, high: float, wanted: str) -> float:
    """The value as a number within the limits; ValueError says what was wanted."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(wanted)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(wanted) from None
    if not low <= number <= high:  # also what is not a number
        raise ValueError(wanted)
    return number


a_fraction = a_number(0, 1)


def a_choice(*choices: str) -> Check:
    """One of the words."""

    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return check


def an_optional_path(value: Any) -> Path | None:
    """A path, or null."""
    if value is None:
        return None
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected a path in quotes, or null")
    return Path(value)


def a_path_list(value: Any) -> tuple[Path, ...]:
    """A list of paths; in the environment, separated by colons."""
    entries = value.split(":") if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(e, str) and e for e in entries):
        raise ValueError('expected a list of folders, like ["./imgs"]')
    return tuple(Path(entry) for entry in entries)


def a_shape(value: Any) -> tuple[int, int, int] | None:
    """Channels, height, width: [3, 48, 320] or "3, 48, 320", or null."""
    if value is None:
        return None
    entries = value.split(",") if isinstance(value, str) else value
    try:
        channels, height, width = (int(entry) for entry in entries)
    except (TypeError, ValueError):
        raise ValueError('expected channels, height, width, like "3, 48, 320"') from None
    if channels != 3 or not 8 <= height <= 1024 or not 8 <= width <= 4096:
        raise ValueError('expected 3 channels and 8 to 1024 x 8 to 4096 pixels, like "3, 48, 320"')
    return channels, height, width


def only_false(reason: str) -> Check:
    """A flag of the 2021 server that can only be off here."""

    def check(value: Any) -> bool:
        if a_flag(value):
            raise ValueError(f"{reason}; leave the key out or set it to false")
        return False

    return check
