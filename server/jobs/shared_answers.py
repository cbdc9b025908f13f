"""Answers that were recently read from the blob store, so that many clients share the bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from server.formats.answer import Answer

KEEP_SECONDS = 10.0
MAX_BYTES = 32 << 20


class SharedAnswers:
    """Answers by the id of their blob, for a few seconds; the oldest are dropped first."""

    def __init__(self) -> None:
        self._reading: dict[str, asyncio.Task[Answer]] = {}

    async def get(self, blob_id: str, read: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer. read: gets it; called only once for concurrent requests."""
        task = self._reading.get(blob_id)
        if task is None:
            task = self._reading[blob_id] = asyncio.ensure_future(read())
            asyncio.get_running_loop().call_later(KEEP_SECONDS, self.forget, blob_id)
        try:
            answer = await asyncio.shield(task)
        except Exception:
            self.forget(blob_id)
            raise
        self._shrink()
        return answer

    def forget(self, blob_id: str) -> None:
        """Drop an answer."""
        self._reading.pop(blob_id, None)

    def _shrink(self) -> None:
        sizes = {
            blob_id: task.result().result.size_bytes
            for blob_id, task in self._reading.items()
            if task.done() and not task.cancelled() and task.exception() is None
        }
        total = sum(sizes.values())
        for blob_id, size in sizes.items():
            if total <= MAX_BYTES or blob_id == next(reversed(sizes)):
                return
            self.forget(blob_id)
            total -= size
