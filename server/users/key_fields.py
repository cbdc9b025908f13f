"""The fields of a key that an operator sets: the same constraints for commands and /admin/keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from server.errors import BadField, unknown_field
from server.intake.fields import checked
from server.principal import ALL_BUT_ADMIN, Scope
from server.settings.constraints import Constraint, Nullable, Number, Schema, WholeNumber

SCOPES: tuple[Scope, ...] = get_args(Scope)
MAX_LABEL = 200
_LABEL = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{1,{MAX_LABEL}}}")
_SURROGATE = re.compile("[\ud800-\udfff]")  # from JSON; no database could store it
MAX_UNIX_TIME = 4_102_444_800  # the year 2100


def ordered_scopes(names: Collection[str]) -> tuple[Scope, ...]:
    """The scopes with these names, always in the same order."""
    return tuple(scope for scope in SCOPES if scope in names)


@dataclass(frozen=True, slots=True)
class Label:
    """A name for people: 1 to MAX_LABEL characters without control characters."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if isinstance(value, str) and _LABEL.fullmatch(value) and not _SURROGATE.search(value):
            return value
        raise ValueError(f"expected 1 to {MAX_LABEL} characters without control characters")

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "pattern": f"^{_LABEL.pattern}$"}


@dataclass(frozen=True, slots=True)
class ScopeList:
    """A list of scopes, or their names separated by commas or spaces; in a fixed order."""

    def __call__(self, value: Any) -> tuple[Scope, ...]:
        """See Constraint."""
        names = value.replace(",", " ").split() if isinstance(value, str) else value
        if not isinstance(names, list) or not names or any(name not in SCOPES for name in names):
            raise ValueError(f"expected one or more of {', '.join(SCOPES)}")
        return ordered_scopes(names)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"enum": list(SCOPES)}, "minItems": 1}


KEY_FIELDS: dict[str, Constraint] = {
    "label": Label(),
    "scopes": ScopeList(),
    "weight": Number(0.01, 100),
    "priority": WholeNumber(-100, 100),
    "rate_per_minute": Nullable(WholeNumber(1, 10**6)),
    "concurrency": Nullable(WholeNumber(1, 10**4)),
    "max_body_mb": Nullable(Number(0.001, 1024)),
    "daily_quota": Nullable(WholeNumber(0, 10**9)),
    "expires_at": Nullable(Number(0, MAX_UNIX_TIME)),
}
KEY_DEFAULTS: dict[str, Any] = {
    "scopes": ordered_scopes(ALL_BUT_ADMIN),
    "weight": 1.0,
    "priority": 0,
    "rate_per_minute": None,
    "concurrency": None,
    "max_body_mb": None,
    "daily_quota": None,
    "expires_at": None,
}


def check_key_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, converted; BadField names the field and what would be accepted."""
    found = {}
    for name, value in values.items():
        if name not in KEY_FIELDS:
            raise BadField(unknown_field(name, KEY_FIELDS))
        found[name] = checked(name, value, KEY_FIELDS[name])
    return found
