"""The interface of every destination to which results are written."""

from __future__ import annotations

from typing import Protocol

from server.objects.result import ObjectResult, Version


class Sink(Protocol):
    """A destination for results; putting the same result twice changes nothing.

    All calls raise StoreUnavailable or StorageUnavailable if the destination cannot be used now.
    """

    async def has(self, version: Version) -> bool:
        """Whether the text of this version is already there; False if that is not known."""

    async def put(self, result: ObjectResult, again: bool) -> None:
        """Put a result, instead of those of other versions of this object.

        again: a result of this object may have been put before.
        """

    def close(self) -> None:
        """Release what is open, after the last result."""
