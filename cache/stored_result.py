"""The form in which a result is kept, whatever keeps it: the cache, a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoredResult:
    """An encoded result: its JSON, and what else was made of the image, by media type.

    All of it is sent as it is, without a copy.
    """

    json: bytes
    artifacts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """The JSON and all artifacts."""
        return len(self.json) + sum(map(len, self.artifacts.values()))
