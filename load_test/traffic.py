"""Generates the requests of scenarios and mixes.

unique: an image that is new to the server. duplicate: the same image as the previous request, so
that the two are coalesced. cached: an image that is already cached.
"""

from __future__ import annotations

import random
import secrets
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import Literal, NamedTuple

from load_test.requests import PreparedImage

Kind = Literal["unique", "duplicate", "cached"]
KINDS: tuple[Kind, ...] = ("unique", "duplicate", "cached")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The proportions of the kinds; one_image: all requests have the first image."""

    name: str
    shares: tuple[float, float, float]
    one_image: bool = False

    @property
    def has_cached(self) -> bool:
        """Whether images have to be cached first."""
        return self.shares[KINDS.index("cached")] > 0


SCENARIOS = (
    Scenario("different", (1, 0, 0)),
    Scenario("same", (0, 1, 0), one_image=True),
    Scenario("cached", (0, 0, 1), one_image=True),
)


class Request(NamedTuple):
    """A request: its kind, the image's name, and its bytes."""

    kind: Kind
    image: str
    data: bytes


class Traffic(Iterator[Request]):
    """An endless stream of requests for one scenario; no two streams share uncached images."""

    def __init__(
        self, scenario: Scenario, images: Sequence[PreparedImage], randomness: random.Random
    ) -> None:
        self._scenario = scenario
        self._chosen = images[:1] if scenario.one_image else images
        self._randomness = randomness
        self._nonce = secrets.token_hex(8)
        self._numbers = count()
        self._fresh = cycle(self._chosen)
        self._cached = cycle(self._chosen)
        self._newest: Request | None = None
        certain = [kind for kind, share in zip(KINDS, scenario.shares, strict=True) if share]
        self._only = certain[0] if len(certain) == 1 else None

    def cache_requests(self) -> list[Request]:
        """The requests that fill the cache."""
        if not self._scenario.has_cached:
            return []
        return [Request("cached", each.name, each.plain) for each in self._chosen]

    def __next__(self) -> Request:
        """The next request."""
        kind = self._only or self._randomness.choices(KINDS, self._scenario.shares)[0]
        if kind == "cached":
            image = next(self._cached)
            return Request(kind, image.name, image.plain)
        if kind == "duplicate" and self._newest is not None:
            return self._newest._replace(kind=kind)
        image = next(self._fresh)
        note = f"{self._nonce}-{next(self._numbers)}".encode()
        self._newest = Request(kind, image.name, image.fresh(note))
        return self._newest


def parse_mix(text: str) -> Scenario:
    """Parse a mix such as `unique=60,duplicate=20,cached=20`; numbers need not add up to 100."""
    shares: dict[str, float] = {}
    for entry in text.split(","):
        name, _, number = entry.strip().partition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if name not in KINDS or name in shares or not 0 <= share < float("inf"):
            raise ArgumentTypeError(
                f"{entry.strip()!r}: expected a mix such as unique=60,duplicate=20,cached=20"
            )
        shares[name] = share
    if not sum(shares.values()):
        raise ArgumentTypeError("at least one number of a mix must be more than 0")
    unique, duplicate, cached = (shares.get(kind, 0.0) for kind in KINDS)
    return Scenario("mix", (unique, duplicate, cached))
