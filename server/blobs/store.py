"""The protocol of a blob store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class BlobMissing(Exception):
    """There is no blob with this id."""


class Inputs(Protocol):
    """Keeps bytes under ids that it chooses.

    All calls raise StorageUnavailable if the storage does not work.
    """

    async def put(self, data: bytes) -> str:
        """Keep the data and return its id."""

    async def get(self, blob_id: str) -> bytes:
        """The data; BlobMissing if there is none."""

    async def delete(self, blob_ids: Collection[str]) -> None:
        """Delete blobs; those that do not exist are ignored."""


class BlobStore(Inputs, Protocol):
    """Inputs that last: when put() returns, the data survives a power cut.

    If the process dies before it has written the id into a row, the blob is found by its age.
    """

    async def put_file(self, descriptor: int) -> str:
        """Keep the content of an open file and return its id; the descriptor stays open."""

    async def open(self, blob_id: str) -> int:
        """A descriptor of the data, which the caller closes; BlobMissing if there is none."""

    async def older_than(self, seconds: float) -> list[str]:
        """The ids of all blobs of at least this age."""
