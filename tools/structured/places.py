"""Structures that are valid except in a few places; the same seed gives the same structure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

Structure = Callable[["Places"], T]


class Places:
    """At each place of a structure: the valid value, or an odd one if the place is mutated.

    mutated: the numbers of the mutated places, in the order in which they are reached.
    """

    def __init__(self, random: Random, mutated: Collection[int] = ()) -> None:
        self.random = random
        self.changed: list[str] = []  # the names of the mutated places
        self._mutated = mutated
        self._reached = 0

    def at(self, name: str, valid: T, odd: Sequence[T]) -> T:
        """The value at the next place."""
        number = self._reached
        self._reached += 1
        if number not in self._mutated:
            return valid
        self.changed.append(name)
        return self.random.choice(odd)

    def is_odd(self, name: str) -> bool:
        """Whether the next place is mutated, where there is nothing to choose."""
        return self.at(name, False, (True,))

    def any_of(self, *values: T) -> T:
        """One of several valid values."""
        return self.random.choice(values)

    def __len__(self) -> int:
        return self._reached


def build(structure: Structure[T], seed: str, mutations: int) -> tuple[T, list[str]]:
    """The structure with that many mutated places, and their names."""
    counted = Places(Random(seed))
    structure(counted)
    reached = range(len(counted))
    chosen = Random(f"{seed} places").sample(reached, min(mutations, len(reached)))
    places = Places(Random(seed), chosen)
    return structure(places), places.changed
