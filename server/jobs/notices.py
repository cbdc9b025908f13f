"""Tells those who wait for a job that it has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping


class Notices:
    """The jobs that somebody waits for. A notice is a hint: the row has the truth."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._versions: dict[str, int] = {}

    @contextlib.contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set by the next change; begin to watch before reading the row."""
        event = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            waiting = self._waiting[job_id]
            waiting.discard(event)
            if not waiting:
                del self._waiting[job_id]
                self._versions.pop(job_id, None)

    def watched(self) -> list[str]:
        """The jobs that somebody waits for."""
        return list(self._waiting)

    def tell(self, job_id: str) -> None:
        """Notify all who wait for this job that it has changed."""
        for event in self._waiting.get(job_id, ()):
            event.set()

    def compare(self, versions: Mapping[str, int]) -> None:
        """Notify those whose jobs other processes have changed; versions: of all watched jobs."""
        for job_id in self.watched():
            version = versions.get(job_id, 0)
            if self._versions.get(job_id) != version:
                self._versions[job_id] = version
                self.tell(job_id)
