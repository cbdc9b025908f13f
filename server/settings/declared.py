"""How a setting is declared: as a field of a dataclass, with a constraint and a default."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from server.settings.constraints import Constraint


def setting(constraint: Constraint, default: Any) -> Any:
    """A dataclass field whose value is checked and converted by the constraint."""
    return field(default=default, metadata={"constraint": constraint})
