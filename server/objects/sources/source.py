"""The protocol of a source of objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.objects.found import Found


@dataclass(frozen=True, slots=True)
class OpenedObject:
    """The version of an object that is there now. read: gets its bytes; called at most once.

    read() raises StoreUnavailable if that fails.
    """

    etag: str
    size: int
    read: Callable[[], Awaitable[bytes]]


class Source(Protocol):
    """A bucket or a folder; all calls raise StoreUnavailable if it does not answer."""

    @property
    def name(self) -> str:
        """See Found.source."""

    def found(self) -> AsyncIterator[Sequence[Found]]:
        """Everything that is there now, in pieces."""

    async def open(self, key: str) -> OpenedObject:
        """The object; ObjectGone if there is none. Its bytes are not read yet."""
