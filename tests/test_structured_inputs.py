"""Structured inputs depend on their seed only, and each of their places can be mutated."""

from __future__ import annotations

from random import Random

import pytest

from plain_images import drawn
from structured.places import Places, build
from structured.requests import KINDS, one_input, structured_input


def three_places(places: Places) -> tuple[int, int, bool]:
    first = places.at("first", 1, (7, 8))
    places.any_of("a", "b")
    return first, places.at("second", 2, (9,)), places.is_odd("third")


def test_without_mutations_every_place_is_valid() -> None:
    assert build(three_places, "seed", 0) == ((1, 2, False), [])


def test_as_many_places_as_asked_are_mutated() -> None:
    (first, *others), changed = build(three_places, "seed", 9)
    assert first in (7, 8)
    assert others == [9, True]
    assert changed == ["first", "second", "third"]
    for number in range(20):
        (first, second, third), changed = build(three_places, f"{number}", 1)
        odd = {"first": first in (7, 8), "second": second == 9, "third": third}
        assert [name for name, is_odd in odd.items() if is_odd] == changed
        assert len(changed) == 1


def test_a_place_is_chosen_by_its_number() -> None:
    places = Places(Random(1), {1})
    assert three_places(places)[:2] == (1, 9)
    assert places.changed == ["second"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(kind: str) -> None:
    image = drawn()
    inputs = [one_input(kind, f"1:{number}", 2, image) for number in range(5)]
    assert inputs == [one_input(kind, f"1:{number}", 2, image) for number in range(5)]
    assert len({given.data for given in inputs}) == 5
    assert all(given.changed for given in inputs)


def test_the_sequence_has_all_kinds_and_differs_by_its_seed() -> None:
    image = drawn()
    first, second = ([structured_input(seed, n, image) for n in range(200)] for seed in (1, 2))
    assert {given.kind for given in first} == set(KINDS)
    same = {given.data for given in first} & {given.data for given in second}
    assert len(same) < 20  # short ones that are refused for their request line
    assert any(not given.changed for given in first)
    assert not all(given.complete for given in first)
