"""Slots for work, given in order of rank instead of arrival."""

from __future__ import annotations

import asyncio
import heapq

Rank = tuple[int, ...]


class Slots:
    """A number of slots. Ranks differ; the lowest one that waits is next."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: list[tuple[Rank, asyncio.Future[None]]] = []

    async def take(self, rank: Rank) -> None:
        """Wait for a slot; whoever has one gives it back."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came together with the end
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a slot to whoever is next."""
        while self._waiting:
            _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
