"""Settings whose value is never shown, such as keys and URLs with passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.settings.constraints import Constraint, Nullable, Schema, Text

MASK = "***"


class Secret:
    """A string that is shown as ***; reveal() returns it.

    No dataclass, because asdict() would take it apart.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The string itself; it must not reach a message or the log."""
        return self._text

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class SecretText:
    """A non-empty string that is never shown, such as a key or a URL with a password."""

    def __call__(self, value: Any) -> Secret:
        """See Constraint; the message must not contain the value."""
        return Secret(Text()(value))

    def schema(self) -> Schema:
        """See Constraint."""
        return {**Text().schema(), "format": "password", "writeOnly": True}


def is_secret(constraint: Constraint) -> bool:
    """Whether values of this constraint must not be shown."""
    if isinstance(constraint, Nullable):
        return is_secret(constraint.other)
    return isinstance(constraint, SecretText)
