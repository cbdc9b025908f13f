"""Refused requests in the audit log: each immediately, but a flood in one line per second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from server.operations.audit import AuditLog

WINDOW_SECONDS = 1.0
MAX_SOURCES = 1000  # addresses and users in one window; those beyond it share a line

_Source = tuple[str, str, str]  # user, address, code


@dataclass(slots=True)
class _Repeated:
    until: float
    count: int = 0


class RefusedRequests:
    """Writes the first refusal of each user, address and code, and then counts for a second.

    monotonic: in seconds.
    """

    def __init__(self, audit: AuditLog, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._monotonic = monotonic
        self._repeated: dict[_Source, _Repeated] = {}
        self._noted = asyncio.Event()

    def note(self, user: str, address: str, code: str, request_id: str) -> None:
        """A request was answered with 401, 403 or 429."""
        if not self._audit.is_on:
            return
        now = self._monotonic()
        self.flush(now)
        source = user, address, code
        if source not in self._repeated and len(self._repeated) >= MAX_SOURCES:
            source = "", "", code
        repeated = self._repeated.get(source)
        if repeated is not None:
            repeated.count += 1
            return
        self._repeated[source] = _Repeated(now + WINDOW_SECONDS)
        self._noted.set()
        self._audit.write(
            "request_refused", user=user, address=address, outcome=code, request_id=request_id
        )

    async def run(self) -> None:
        """Write the counts when their windows are over; when cancelled, write all of them."""
        try:
            while True:
                await self._noted.wait()
                await asyncio.sleep(WINDOW_SECONDS)
                self._noted.clear()
                self.flush()
                if self._repeated:
                    self._noted.set()
        finally:
            self.flush(float("inf"))

    def flush(self, now: float | None = None) -> None:
        """Write the counts of windows that are over; they are in the order of their ends."""
        now = self._monotonic() if now is None else now
        while self._repeated:
            source = next(iter(self._repeated))
            if self._repeated[source].until > now:
                return
            count = self._repeated.pop(source).count
            if count:
                user, address, code = source
                self._audit.write(
                    "request_refused", user=user, address=address, outcome=code, count=count
                )
