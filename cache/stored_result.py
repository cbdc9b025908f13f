"""The encoded form of a result, as the cache and jobs store it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoredResult:
    """An encoded result: its JSON, and other artifacts such as a drawing, by media type.

    The bytes are sent unchanged, without a copy.
    """

    json: bytes
    artifacts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """The size of the JSON and all artifacts."""
        return len(self.json) + sum(map(len, self.artifacts.values()))
