"""Settings whose value is never shown, such as keys and URLs with passwords."""

from __future__ import annotations

import base64
import binascii
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


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """A list of secrets of Standard Webhooks; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[Secret, ...]:
        """See Constraint; the message must not contain the values."""
        if isinstance(value, str):
            value = [entry.strip() for entry in value.split(",") if entry.strip()]
        if not isinstance(value, list) or not all(map(self._is_one, value)):
            raise ValueError("expected a list of whsec_ followed by 24 to 64 bytes in base64")
        return tuple(Secret(entry) for entry in value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {**SecretText().schema(), "pattern": "^whsec_"}}

    @staticmethod
    def _is_one(entry: Any) -> bool:
        if not isinstance(entry, str) or not entry.startswith("whsec_"):
            return False
        try:
            return 24 <= len(base64.b64decode(entry.removeprefix("whsec_"), validate=True)) <= 64
        except binascii.Error:
            return False


def is_secret(constraint: Constraint) -> bool:
    """Whether values of this constraint must not be shown."""
    if isinstance(constraint, Nullable):
        return is_secret(constraint.other)
    return isinstance(constraint, SecretText | WebhookSecrets)
