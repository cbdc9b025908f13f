"""Time zones in settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from server.settings.constraints import Schema


@dataclass(frozen=True, slots=True)
class TimeZone:
    """The name of a time zone, such as Europe/Berlin, or UTC."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        time_zone(value)
        return str(value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "minLength": 1}


def time_zone(name: object) -> tzinfo:
    """The zone of an IANA name; ValueError if the system does not know it. UTC needs no files."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        raise ValueError(
            "expected UTC or a time zone that this machine knows, such as Europe/Berlin (Debian: "
            "apt install tzdata)"
        ) from None
