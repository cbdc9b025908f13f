"""Places for the work of many users, of which each user gets only a part."""

from __future__ import annotations

import asyncio
from collections import Counter


class Shares:
    """total: how many places there are. each: how many of them one user may have."""

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._taken: Counter[str] = Counter()  # by user
        self._freed = asyncio.Condition()

    async def take(self, user: str) -> None:
        """Wait for a place; give_back() must follow."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._has_room(user))
            self._taken[user] += 1

    async def give_back(self, user: str) -> None:
        """A place is free again."""
        self._taken[user] -= 1
        if not self._taken[user]:
            del self._taken[user]
        async with self._freed:
            self._freed.notify_all()

    def _has_room(self, user: str) -> bool:
        return self._taken[user] < self._each and self._taken.total() < self._total
