"""A queue in slots: the lowest slot first, and within a slot in order of arrival."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")


class SlotQueue(Generic[Key, Item]):
    """Items by key, each in a numbered slot.

    All calls take constant time for any number of items, except that opening a slot takes time in
    proportion to the logarithm of the number of slots.
    """

    def __init__(self) -> None:
        self._slots: dict[int, OrderedDict[Key, Item]] = {}
        self._opened: list[int] = []  # a heap; an emptied slot stays in it until it is the lowest
        self._count = 0

    def __len__(self) -> int:
        """The number of items."""
        return self._count

    def __iter__(self) -> Iterator[Item]:
        """Iterate from the first item to the last."""
        for number in sorted(self._slots):
            yield from self._slots[number].values()

    def add(self, slot: int, key: Key, item: Item) -> None:
        """Add an item behind the others of this slot; the key must be new in it."""
        items = self._slots.get(slot)
        if items is None:
            items = self._slots[slot] = OrderedDict()
            heapq.heappush(self._opened, slot)
        items[key] = item
        self._count += 1

    def first(self) -> tuple[int, Item]:
        """The first item and its slot; IndexError if there is none."""
        while not (items := self._slots[self._opened[0]]):
            del self._slots[heapq.heappop(self._opened)]
        return self._opened[0], next(iter(items.values()))

    def remove(self, slot: int, key: Key) -> bool:
        """Remove an item; False if it is not in this slot."""
        items = self._slots.get(slot)
        if items is None or key not in items:
            return False
        del items[key]
        self._count -= 1
        return True
